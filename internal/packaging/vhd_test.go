package packaging

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

func footerOf(t *testing.T, path string) (vhdFooter, int64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	footer, at, err := readFooter(f)
	if err != nil {
		t.Fatal(err)
	}
	return footer, at
}

// TestFooterIsQEMUs: all but what is made up, the time and the id, is as qemu-img writes it, and the id is there.
func TestFooterIsQEMUs(t *testing.T) {
	got, at := footerOf(t, made(t, plan.Output{Format: "vhd"}))
	path := filepath.Join(t.TempDir(), "qemu.vhd")
	c := qemuimg.Conversion{
		From: sourceOf(t, Disk).Disk.Path, FromFormat: "raw", To: path, ToFormat: "vpc", Options: []string{"subformat=fixed", "force_size=on"}, Size: testDiskRounded,
	}
	if err := qemuimg.Convert(t.Context(), c, nil); err != nil {
		t.Fatal(err)
	}
	want, _ := footerOf(t, path)
	if want.sum() != want.Checksum {
		t.Errorf("our checksum of qemu-img's footer is %08x, its own %08x", want.sum(), want.Checksum)
	}
	if got.Time != 0 || got.ID == want.ID || got.ID == [16]byte{} || at != testDiskRounded {
		t.Errorf("at %d: %+v", at, got)
	}
	want.Time, want.ID = got.Time, got.ID
	want.Checksum = want.sum()
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestFooterCheck(t *testing.T) {
	good, at := footerOf(t, made(t, plan.Output{Format: "vhd"}))
	if err := good.check(at); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*vhdFooter){
		"cookie":    func(f *vhdFooter) { f.Cookie[0] = 'C' },
		"dynamic":   func(f *vhdFooter) { f.Type = 3 },
		"header":    func(f *vhdFooter) { f.DataOffset = 512 },
		"version":   func(f *vhdFooter) { f.Version = 2 << 16 },
		"size":      func(f *vhdFooter) { f.CurrentSize -= vhdUnit },
		"original":  func(f *vhdFooter) { f.OriginalSize -= vhdUnit },
		"unaligned": func(f *vhdFooter) { f.CurrentSize += sector; f.OriginalSize += sector },
	} {
		bad := good
		change(&bad)
		bad.Checksum = bad.sum()
		before := at
		if what == "unaligned" {
			before += sector
		}
		if bad.check(before) == nil {
			t.Errorf("%s: no error", what)
		}
	}
	bad := good
	bad.Time++
	if bad.check(at) == nil {
		t.Error("a changed footer with the old checksum is no error")
	}
}
