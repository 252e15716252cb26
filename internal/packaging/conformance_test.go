package packaging

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/nevra"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
)

// unpacker reads back the raw disk that a format's file holds; it is the one thing that the suite has to know of a format.
type unpacker func(t *testing.T, path string) []byte

// conform holds a format to the contract in Format's comment, with every Output that the format has.
func conform(t *testing.T, f Format, unpack unpacker, outputs ...plan.Output) {
	t.Run("found by its name", func(t *testing.T) {
		got, err := Lookup(f.Name())
		if err != nil || got != f {
			t.Errorf("Lookup(%q) is %v, %v", f.Name(), got, err)
		}
	})
	for _, out := range outputs {
		t.Run("compression "+out.Compression, func(t *testing.T) {
			t.Run("makes the disk", func(t *testing.T) { conformMakes(t, f, out, unpack) })
			t.Run("replaces a file", func(t *testing.T) { conformReplaces(t, f, out, unpack) })
			t.Run("cancelled", func(t *testing.T) { conformCancelled(t, f, out) })
			t.Run("source that is no such disk", func(t *testing.T) { conformFails(t, f, out) })
		})
	}
	t.Run("unknown compression", func(t *testing.T) {
		dst := filepath.Join(t.TempDir(), "image")
		_, err := f.Make(t.Context(), sourceOf(testDisk(t)), plan.Output{Format: f.Name(), Compression: "rot13"}, dst, nil)
		if err == nil || !strings.Contains(err.Error(), "rot13") {
			t.Errorf("got %v; want an error that names the compression", err)
		}
		wantOnly(t, filepath.Dir(dst))
	})
}

func sourceOf(d artifact.Disk) Source { return Source{Disk: &d} }

func conformMakes(t *testing.T, f Format, out plan.Output, unpack unpacker) {
	disk := testDisk(t)
	dst := filepath.Join(t.TempDir(), "a name, with more.image")
	var mu sync.Mutex
	var last progress.Event
	img, err := f.Make(t.Context(), sourceOf(disk), out, dst, func(e progress.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Phase != phase || e.Unit != progress.Percent || e.Total != 100 || e.Done < last.Done {
			t.Errorf("after %+v came %+v", last, e)
		}
		last = e
	})
	if err != nil {
		t.Fatal(err)
	}
	if last.Done != 100 {
		t.Errorf("progress ended at %d%%", last.Done)
	}
	sum, size, err := digest.File(dst)
	if err != nil {
		t.Fatal(err)
	}
	want := artifact.Image{
		File:   artifact.File{Path: dst, Size: size, Digest: sum},
		Format: f.Name(), VirtualSize: disk.VirtualSize, Arch: disk.Arch, Boot: disk.Boot, Packages: disk.Packages,
	}
	if !reflect.DeepEqual(img, want) {
		t.Errorf("got %+v\nwant %+v", img, want)
	}
	raw, err := os.ReadFile(disk.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(unpack(t, dst), raw) {
		t.Error("the image holds another disk")
	}
	if out.Compression != "" && size >= testData {
		t.Errorf("%d bytes of text became %d", testData, size)
	}
	if info, err := os.Stat(dst); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v; want 0644, to be published", info.Mode(), err)
	}
	wantOnly(t, filepath.Dir(dst), filepath.Base(dst))
}

func conformReplaces(t *testing.T, f Format, out plan.Output, unpack unpacker) {
	disk := testDisk(t)
	dst := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(dst, []byte("what was there before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Make(t.Context(), sourceOf(disk), out, dst, nil); err != nil {
		t.Fatal(err)
	}
	if got := unpack(t, dst); int64(len(got)) != disk.VirtualSize {
		t.Errorf("the image holds %d bytes, want %d", len(got), disk.VirtualSize)
	}
}

func conformCancelled(t *testing.T, f Format, out plan.Output) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	keeps(t, func(dst string) error {
		_, err := f.Make(ctx, sourceOf(testDisk(t)), out, dst, nil)
		return err
	})
}

func conformFails(t *testing.T, f Format, out plan.Output) {
	disk := testDisk(t)
	disk.Format = "vmdk" // whose header the file does not have
	keeps(t, func(dst string) error {
		_, err := f.Make(t.Context(), sourceOf(disk), out, dst, nil)
		return err
	})
}

// keeps checks that make fails and that what was under its name stays, alone.
func keeps(t *testing.T, make func(dst string) error) {
	t.Helper()
	const before = "what was there before"
	dst := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(dst, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := make(dst); err == nil || !strings.Contains(err.Error(), dst) {
		t.Errorf("got %v; want an error that names %s", err, dst)
	}
	if got, err := os.ReadFile(dst); err != nil || string(got) != before {
		t.Errorf("afterwards it holds %q, %v", got, err)
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

// testData is how many bytes of testDisk are not zero.
const testData = 4 << 20

// testDisk is a raw disk of 32 MiB: words, a hole, words.
func testDisk(t *testing.T) artifact.Disk {
	t.Helper()
	const size = 32 << 20
	path := filepath.Join(t.TempDir(), "disk.raw")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"quarry ", "stone ", "ledge ", "granite\n", "slate "}
	var text bytes.Buffer
	for text.Len() < testData/2 {
		text.WriteString(words[random.IntN(len(words))])
	}
	text.Truncate(testData / 2)
	for _, at := range []int64{0, size - testData/2} {
		if _, err := f.WriteAt(text.Bytes(), at); err != nil {
			t.Fatal(err)
		}
	}
	return artifact.Disk{
		File: artifact.File{Path: path, Size: size}, Format: "raw", VirtualSize: size, Arch: "x86_64",
		Boot:     artifact.Boot{BIOS: true, UEFI: true},
		Packages: []artifact.Package{{NEVRA: nevra.NEVRA{Name: "bash", Epoch: "0", Version: "5.1", Release: "1", Arch: "x86_64"}, Size: 7}},
	}
}
