package qemuimg

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPercentReader(t *testing.T) {
	for _, tc := range []struct {
		name   string
		writes []string
		want   []float64
	}{
		{"as printed", []string{"    (0.00/100%)\r    (50.51/100%)\r", "    (100.00/100%)\r\n"}, []float64{0, 50.51, 100}},
		{"cut anywhere", []string{"  (1", "2.5", "/100", "%", ")\r"}, []float64{12.5}},
		{"other text", []string{"warning (see 4) (x/100%) (101/100%) (NaN/100%) (7/100%)"}, []float64{7}},
		{"no end", []string{strings.Repeat("(", 5000), "(3/100%)"}, []float64{3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []float64
			r := &percentReader{report: func(v float64) { got = append(got, v) }}
			for _, w := range tc.writes {
				if n, err := r.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatalf("Write: %d, %v", n, err)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if len(r.pending) > maxPending {
				t.Errorf("%d bytes are kept", len(r.pending))
			}
		})
	}
}

func TestOverlayTellsItsBase(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	base, over := filepath.Join(dir, "base.img"), filepath.Join(dir, "over.qcow2")
	if err := Create(ctx, base, "raw", 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := Overlay(ctx, over, base, "raw", 3<<20); err != nil {
		t.Fatal(err)
	}
	info, err := Read(ctx, over, "qcow2")
	if err != nil {
		t.Fatal(err)
	}
	if info.VirtualSize != 3<<20 || info.Backing != base {
		t.Errorf("got %+v; want 3 MiB over %s", info, base)
	}
	if info.Alone() == nil {
		t.Error("an overlay was taken for an image that stands alone")
	}
	if info, err = Read(ctx, base, "raw"); err != nil || info.Alone() != nil {
		t.Errorf("the base: %+v, %v", info, err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "disk.qcow2")
	if err := Create(ctx, path, "qcow2", 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := Check(ctx, path, "qcow2"); err != nil {
		t.Errorf("a sound image: %v", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The reference count table: byte 48 of the header holds its offset.
	if _, err := f.WriteAt([]byte{0xff, 0xff}, 54); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := Check(ctx, path, "qcow2"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged image: %v", err)
	}
}

func TestConvertArgsSayFormats(t *testing.T) {
	lines := func(c Conversion) string {
		var all []string
		for _, args := range convertArgs(c) {
			all = append(all, strings.Join(args, " "))
		}
		return strings.Join(all, "\n")
	}
	got := lines(Conversion{From: "a", FromFormat: "raw", To: "-b", ToFormat: "qcow2", Compress: true, Options: []string{"compression_type=zstd"}})
	if want := "qemu-img convert -p -m 16 -f raw -O qcow2 -c -o compression_type=zstd -- a -b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = lines(Conversion{From: "a", FromFormat: "raw", To: "b", ToFormat: "vpc", Options: []string{"subformat=fixed"}, Size: 1 << 20})
	if want := "qemu-img create -q -f vpc -o subformat=fixed -- b 1048576\n" +
		"qemu-img convert -p -m 16 -f raw -O vpc -n --target-is-zero -- a b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
