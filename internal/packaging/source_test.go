package packaging

import (
	"archive/tar"
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/nevra"
)

// sourceOf makes a source of the kind for a test.
func sourceOf(t testing.TB, kind Kind) Source {
	in := Source{About: About{Name: "pebble-9-Test-Base-x86_64", Distro: "Pebble", Version: "9.6", Image: "Test", Variant: "Base"}}
	switch kind {
	case Disk:
		in.Disk = testDisk(t)
	case Tree:
		in.Tree = testTree(t)
	case Medium:
		in.Medium = testMedium(t)
	}
	return in
}

// Sizes of testDisk in bytes.
const (
	testDiskSize    = 6<<20 + 4096
	testDiskRounded = 7 << 20
	testData        = 1 << 20 // of it not zero
)

func testPackages() []artifact.Package {
	return []artifact.Package{{NEVRA: nevra.NEVRA{Name: "bash", Epoch: "0", Version: "5.1", Release: "1", Arch: "x86_64"}, Size: 7}}
}

// testDisk is a raw disk: words, a hole, words.
func testDisk(t testing.TB) *artifact.Disk {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.raw")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := words(testData / 2)
	for _, at := range []int64{0, testDiskSize - testData/2} {
		if _, err := f.WriteAt(text, at); err != nil {
			t.Fatal(err)
		}
	}
	return &artifact.Disk{
		File: artifact.File{Path: path, Size: testDiskSize}, Format: "raw", VirtualSize: testDiskSize, Arch: "x86_64",
		Boot: artifact.Boot{BIOS: true, UEFI: true}, Packages: testPackages(),
	}
}

// words is n bytes of text.
func words(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	list := []string{"quarry ", "stone ", "ledge ", "granite\n", "slate "}
	var text bytes.Buffer
	for text.Len() < n {
		text.WriteString(list[random.IntN(len(list))])
	}
	return text.Bytes()[:n]
}

// testTree is a root file system with one of everything.
func testTree(t testing.TB) *artifact.Tree {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	data := words(1 << 20)
	for _, h := range []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "./usr/bin/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "./usr/bin/bash", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(data))},
		{Name: "./usr/bin/sh", Typeflag: tar.TypeSymlink, Linkname: "bash"},
		{Name: "./usr/bin/same", Typeflag: tar.TypeLink, Linkname: "./usr/bin/bash"},
		{Name: "./usr/bin/ping", Typeflag: tar.TypeReg, Mode: 0o4755, Uid: 70000, Gid: 70000, PAXRecords: map[string]string{
			"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		}},
	} {
		h.ModTime, h.Format = time.Unix(1700000000, 0), tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &artifact.Tree{File: artifact.File{Path: path}, Format: "tar", Arch: "x86_64", Packages: testPackages()}
}

// testMedium is an ISO image of stand-ins for what starts it, and of a real squashfs.
func testMedium(t testing.TB) *artifact.Image {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	squash := filepath.Join(dir, "squashfs.img")
	c := command.Cmd{Args: []string{"mksquashfs", file("words", words(1<<20)), squash, "-quiet", "-no-progress", "-mkfs-time", "1700000000", "-all-time", "1700000000"}}
	if err := command.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s := iso.Spec{
		Arch: "aarch64", VolumeID: "Pebble-9-6-Test", Family: "Pebble", Version: "9.6", Stage2: "LiveOS/squashfs.img", Time: time.Unix(1700000000, 0),
		Menu:    iso.Menu{Title: "Pebble 9.6 Test", Args: "root=live:CDLABEL=Pebble-9-6-Test rd.live.image quiet", Check: "rd.live.check"},
		Content: []iso.File{{Path: "LiveOS/squashfs.img", Source: squash}},
		Boot:    iso.Boot{Kernel: file("vmlinuz", words(1<<20)), Initrd: file("initrd.img", words(1<<20)), EFI: iso.EFI{Grub: file("gcdaa64.efi", words(1<<20))}},
		Dir:     dir, Out: filepath.Join(dir, "medium.iso"),
	}
	made, err := iso.Make(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &artifact.Image{File: made, Format: "iso", Arch: "x86_64", Boot: s.Starts(), Packages: testPackages()}
}
