package packaging

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

// TestFormats holds every format to the contract in the comments of Make, Check and Unpack, with everything that it can be asked for.
func TestFormats(t *testing.T) {
	for _, f := range All() {
		for _, out := range f.Outputs() {
			t.Run(describe(out), func(t *testing.T) {
				if got, err := Accept(out); err != nil || got != f || out.Format != f.Name() {
					t.Errorf("Accept gives %v, %v", got, err)
				}
				t.Run("makes the source", func(t *testing.T) { conformMakes(t, f, out) })
				t.Run("makes the same bytes", func(t *testing.T) { conformRepeats(t, f, out) })
				t.Run("replaces a file", func(t *testing.T) { conformReplaces(t, f, out) })
				t.Run("cancelled", func(t *testing.T) { conformCancelled(t, f, out) })
				t.Run("source that can't be read", func(t *testing.T) { conformFails(t, f, out) })
				t.Run("source of the other kind", func(t *testing.T) { conformRefuses(t, f, out) })
				t.Run("damaged file", func(t *testing.T) { conformDetects(t, f, out) })
			})
		}
		t.Run(f.Name()+" (rot13)", func(t *testing.T) {
			keeps(t, "rot13", func(dst string) error {
				_, err := Make(t.Context(), sourceOf(t, f.Takes()), plan.Output{Format: f.Name(), Compression: "rot13"}, dst, nil)
				return err
			})
		})
	}
}

func conformMakes(t *testing.T, f Format, out plan.Output) {
	in := sourceOf(t, f.Takes())
	dst := filepath.Join(t.TempDir(), "a name, with more.image")
	var mu sync.Mutex
	var seen []int64
	img, err := Make(t.Context(), in, out, dst, func(e progress.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Phase != "package" || e.Unit != progress.Percent || e.Total != 100 || len(seen) > 0 && e.Done <= seen[len(seen)-1] {
			t.Errorf("after %v came %+v", seen, e)
		}
		seen = append(seen, e.Done)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 4 || seen[0] != 0 || seen[len(seen)-1] != 100 {
		t.Errorf("progress was %v", seen)
	}
	sum, size, err := digest.File(dst)
	if err != nil {
		t.Fatal(err)
	}
	want := artifact.Image{File: artifact.File{Path: dst, Size: size, Digest: sum}, Format: f.Name(), Arch: "x86_64"}
	switch f.Takes() {
	case Tree:
		want.Packages = in.Tree.Packages
	case Medium:
		want.Boot, want.Packages = in.Medium.Boot, in.Medium.Packages
	case Disk:
		want.VirtualSize, want.Boot, want.Packages = virtualSize(f, *in.Disk), in.Disk.Boot, in.Disk.Packages
	}
	if !reflect.DeepEqual(img, want) {
		t.Errorf("got %+v\nwant %+v", img, want)
	}
	if info, err := os.Stat(dst); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v; want 0644, to be published", info.Mode(), err)
	}
	wantOnly(t, filepath.Dir(dst), filepath.Base(dst))
	dir := t.TempDir()
	if err := Check(t.Context(), dst, dir, out); err != nil {
		t.Error(err)
	}
	wantOnly(t, dir)
	sameContent(t, f, in, dst)
}

// virtualSize is the disk's size, rounded up where a format wants that.
func virtualSize(f Format, d artifact.Disk) int64 {
	if f.Name() == "vhd" {
		return testDiskRounded
	}
	return d.VirtualSize
}

// sameContent compares what is in the file at path with what it was made of.
func sameContent(t *testing.T, f Format, in Source, path string) {
	t.Helper()
	got, err := Unpack(t.Context(), path, f.Name(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Takes() == Medium {
		if got.Medium == nil || got.Medium.Format != f.Name() || !bytes.Equal(read(t, got.Medium.Path), read(t, in.Medium.Path)) {
			t.Fatalf("unpacked is %+v", got.Medium)
		}
		return
	}
	if f.Takes() == Tree {
		if got.Disk != nil || got.Tree == nil || got.Tree.Format != "tar" {
			t.Fatalf("unpacked is %+v", got)
		}
		if !bytes.Equal(read(t, got.Tree.Path), read(t, in.Tree.Path)) {
			t.Error("the file holds another tar")
		}
		return
	}
	if got.Disk == nil || got.Tree != nil || got.Disk.VirtualSize != virtualSize(f, *in.Disk) {
		t.Fatalf("unpacked is %+v", got.Disk)
	}
	raw := filepath.Join(t.TempDir(), "raw")
	c := qemuimg.Conversion{From: got.Disk.Path, FromFormat: got.Disk.Format, To: raw, ToFormat: "raw"}
	if err := qemuimg.Convert(t.Context(), c, nil); err != nil {
		t.Fatal(err)
	}
	want := read(t, in.Disk.Path)
	want = append(want, make([]byte, got.Disk.VirtualSize-int64(len(want)))...)
	if !bytes.Equal(read(t, raw), want) {
		t.Error("the file holds another disk")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// conformRepeats makes the file again, under another name, and of a disk in which zeros are no holes.
func conformRepeats(t *testing.T, f Format, out plan.Output) {
	in := sourceOf(t, f.Takes())
	var sums []digest.Digest
	make := func(name string) {
		img, err := Make(t.Context(), in, out, filepath.Join(t.TempDir(), name), nil)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, img.Digest)
	}
	make("one")
	make("another")
	if in.Disk != nil {
		dense := *in.Disk
		dense.Path = filepath.Join(t.TempDir(), "dense")
		if err := os.WriteFile(dense.Path, read(t, in.Disk.Path), 0o600); err != nil {
			t.Fatal(err)
		}
		in.Disk = &dense
		make("of a dense disk")
	}
	for _, sum := range sums {
		if sum != sums[0] {
			t.Errorf("the digests differ: %v", sums)
		}
	}
}

func conformReplaces(t *testing.T, f Format, out plan.Output) {
	in := sourceOf(t, f.Takes())
	dst := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(dst, []byte("what was there before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(t.Context(), in, out, dst, nil); err != nil {
		t.Fatal(err)
	}
	sameContent(t, f, in, dst)
	wantOnly(t, filepath.Dir(dst), "image")
}

// conformCancelled cancels at the start, in the midst of it and at the end.
func conformCancelled(t *testing.T, f Format, out plan.Output) {
	for _, at := range []int64{0, 20, written, checked} {
		ctx, cancel := context.WithCancel(t.Context())
		keeps(t, context.Canceled.Error(), func(dst string) error {
			_, err := Make(ctx, sourceOf(t, f.Takes()), out, dst, func(e progress.Event) {
				if e.Done >= at {
					cancel()
				}
			})
			return err
		})
		cancel()
	}
}

func conformFails(t *testing.T, f Format, out plan.Output) {
	in := sourceOf(t, f.Takes())
	name := "missing"
	switch {
	case in.Disk != nil:
		in.Disk.Format = "vmdk" // whose header the file does not have
		name = "disk.raw"
	case in.Medium != nil:
		in.Medium.Path = filepath.Join(t.TempDir(), name)
	default:
		in.Tree.Path = filepath.Join(t.TempDir(), name)
	}
	keeps(t, name, func(dst string) error {
		_, err := Make(t.Context(), in, out, dst, nil)
		return err
	})
}

func conformRefuses(t *testing.T, f Format, out plan.Output) {
	other := map[Kind]Kind{Disk: Tree, Tree: Medium, Medium: Disk}[f.Takes()]
	squash := sourceOf(t, Tree)
	squash.Tree.Format = "squashfs"
	qcow := sourceOf(t, Medium)
	qcow.Medium.Format = "qcow2"
	for _, in := range []Source{sourceOf(t, other), {}, {Disk: sourceOf(t, Disk).Disk, Tree: sourceOf(t, Tree).Tree}, squash, qcow} {
		keeps(t, f.Name(), func(dst string) error {
			_, err := Make(t.Context(), in, out, dst, nil)
			return err
		})
	}
}

// conformDetects cuts the file and changes a byte in it; what is no disk image, whose data nobody knows, has to notice both.
func conformDetects(t *testing.T, f Format, out plan.Output) {
	dst := filepath.Join(t.TempDir(), "image")
	if _, err := Make(t.Context(), sourceOf(t, f.Takes()), out, dst, nil); err != nil {
		t.Fatal(err)
	}
	good := read(t, dst)
	damaged := map[string][]byte{
		"cut": good[:len(good)*2/3|1], "empty": nil, "text": []byte(strings.Repeat("quarry\n", 1000)),
	}
	if f.Takes() != Disk || strings.Contains(f.Name(), ".") || f.Name() == "box" {
		changed := bytes.Clone(good)
		changed[len(changed)/2] ^= 0x10
		damaged["changed"], damaged["without its end"] = changed, good[:len(good)-1]
	}
	for what, content := range damaged {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := Check(t.Context(), bad, dir, out); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: got %v; want an error that names the file", what, err)
		}
		wantOnly(t, dir)
	}
	if sha256.Sum256(good) != sha256.Sum256(read(t, dst)) {
		t.Error("checking changed the file")
	}
}

// keeps checks that make fails with an error that says something, and that what was under its name stays, alone.
func keeps(t *testing.T, says string, make func(dst string) error) {
	t.Helper()
	const before = "what was there before"
	dst := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(dst, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := make(dst); err == nil || !strings.Contains(err.Error(), dst) || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v; want an error that names %s and says %q", err, dst, says)
	}
	if got := read(t, dst); string(got) != before {
		t.Errorf("afterwards it holds %q", got)
	}
	wantOnly(t, filepath.Dir(dst), filepath.Base(dst))
}

func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, "|") != strings.Join(names, "|") {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
}
