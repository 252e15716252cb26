package inspect

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/diskfs/go-diskfs/partition/gpt"
	"github.com/google/rpmpack"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/packaging"
)

// run runs a program of the host.
func run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// root makes the files of a small system: RPM's own database of one package, os-release, a kernel.
func root(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "usr/lib/os-release"), "NAME=\"Pebble\"\nPRETTY_NAME='Pebble 9.6'\n")
	write(t, filepath.Join(dir, "boot/vmlinuz-5.14.0-1.el9.x86_64"), "kernel")
	write(t, filepath.Join(dir, "boot/vmlinuz-0-rescue-abc"), "kernel")
	p, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "stone", Version: "1.2", Release: "3.el9", Arch: "noarch", Summary: "s"})
	if err != nil {
		t.Fatal(err)
	}
	rpm := filepath.Join(t.TempDir(), "stone.rpm")
	f, err := os.Create(rpm)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	database := filepath.Join(dir, "var/lib/rpm")
	run(t, "rpm", "--dbpath", database, "--define", "_db_backend sqlite", "--initdb")
	run(t, "rpm", "--dbpath", database, "--define", "_db_backend sqlite", "-i", "--justdb", "--nodeps", "--nosignature", rpm)
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Places of the partitions of testDisk, in bytes.
const (
	mib       = 1 << 20
	espAt     = mib
	espSize   = 8 * mib
	rootAt    = espAt + espSize
	rootSize  = 40 * mib
	diskBytes = rootAt + rootSize + mib
)

// testDisk is a GPT disk with a FAT and an ext4 that holds root.
func testDisk(t *testing.T) artifact.Disk {
	t.Helper()
	dir := t.TempDir()
	esp, system, path := filepath.Join(dir, "esp"), filepath.Join(dir, "root"), filepath.Join(dir, "disk.raw")
	for name, size := range map[string]int64{esp: espSize, system: rootSize, path: diskBytes} {
		write(t, name, "")
		if err := os.Truncate(name, size); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "mkfs.vfat", "-n", "ESP", "-i", "12345678", esp)
	run(t, "mkfs.ext4", "-q", "-L", "root", "-U", "11111111-2222-3333-4444-555555555555", "-d", root(t), system)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := gpt.Table{LogicalSectorSize: sector, PhysicalSectorSize: sector, ProtectiveMBR: true, Partitions: []*gpt.Partition{
		{Index: 1, Start: espAt / sector, Size: espSize, Type: gpt.EFISystemPartition, Name: "EFI", GUID: "AAAAAAAA-0000-0000-0000-000000000001"},
		{Index: 2, Start: rootAt / sector, Size: rootSize, Type: gpt.LinuxFilesystem, Name: "root", GUID: "AAAAAAAA-0000-0000-0000-000000000002"},
	}}
	if err := table.Write(f, diskBytes); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]int64{esp: espAt, system: rootAt} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(content, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.WriteAt([]byte("\xeb\x63\x90GRUB"), 0); err != nil {
		t.Fatal(err)
	}
	return artifact.Disk{File: artifact.File{Path: path}, Format: "raw", VirtualSize: diskBytes, Arch: "x86_64", Boot: artifact.Boot{BIOS: true}}
}

// TestDisks inspects the same disk in every format.
func TestDisks(t *testing.T) {
	disk := testDisk(t)
	for _, f := range packaging.All() {
		if f.Takes() != packaging.Disk {
			continue
		}
		for _, out := range f.Outputs() {
			t.Run(f.Name()+out.Compression+out.Provider, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "image")
				if _, err := packaging.Make(t.Context(), packaging.Source{Disk: &disk}, out, path, nil); err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				r, err := File(t.Context(), path, Options{Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				if r.Format != f.Name() || r.VirtualSize != diskBytes || r.Table != "gpt" || len(r.Partitions) != 2 || len(r.Unknown) > 0 {
					t.Fatalf("got %+v", r)
				}
				esp, system := r.Partitions[0], r.Partitions[1]
				if esp.Start != espAt || esp.Size != espSize || esp.FileSystem != (FileSystem{"vfat", "ESP", "1234-5678"}) || esp.Type != typeESP {
					t.Errorf("the first partition is %+v", esp)
				}
				if system.FileSystem != (FileSystem{"ext4", "root", "11111111-2222-3333-4444-555555555555"}) || system.Name != "root" ||
					system.UUID != "aaaaaaaa-0000-0000-0000-000000000002" {
					t.Errorf("the second partition is %+v", system)
				}
				wantSystem(t, r)
				if !slices.Equal(r.Boot, []string{"BIOS: boot code in the MBR (GRUB)"}) {
					t.Errorf("it boots by %q", r.Boot)
				}
				if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
					t.Errorf("left behind: %v, %v", entries, err)
				}
			})
		}
	}
}

func wantSystem(t *testing.T, r Report) {
	t.Helper()
	if r.OS != "Pebble 9.6" || !slices.Equal(r.Kernels, []string{"5.14.0-1.el9.x86_64"}) || !slices.Equal(r.Packages, []string{"stone-1.2-3.el9.noarch"}) {
		t.Errorf("the system is %q, kernels %q, packages %q", r.OS, r.Kernels, r.Packages)
	}
}

// TestTrees inspects the same root file system in every format.
func TestTrees(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := w.AddFS(os.DirFS(root(t))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	in := packaging.Source{Tree: &artifact.Tree{File: artifact.File{Path: path}, Format: "tar", Arch: "aarch64"}, About: packaging.About{Version: "9.6"}}
	for _, f := range packaging.All() {
		if f.Takes() != packaging.Tree {
			continue
		}
		t.Run(f.Name(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "image")
			if _, err := packaging.Make(t.Context(), in, f.Outputs()[0], path, nil); err != nil {
				t.Fatal(err)
			}
			r, err := File(t.Context(), path, Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if r.Format != f.Name() || len(r.Unknown) > 0 {
				t.Errorf("got %+v", r)
			}
			wantSystem(t, r)
			if c := r.Container; f.Name() == "oci.tar" && (c == nil || c.Architecture != "arm64" || c.OS != "linux" || len(c.Layers) != 1) {
				t.Errorf("the container is %+v", c)
			}
			var text bytes.Buffer
			if err := r.Text(&text, true); err != nil || !strings.Contains(text.String(), "stone-1.2-3.el9.noarch") {
				t.Errorf("%v\n%s", err, text.String())
			}
		})
	}
}

// TestXFS: the other file system of Enterprise Linux, on a whole disk.
func TestXFS(t *testing.T) {
	dir := root(t)
	path, proto := filepath.Join(t.TempDir(), "disk.raw"), filepath.Join(t.TempDir(), "proto")
	write(t, proto, "/dev/null\n0 0\nd--755 0 0\nusr d--755 0 0\nlib d--755 0 0\nos-release ---644 0 0 "+dir+"/usr/lib/os-release\n$\n$\n"+
		"var d--755 0 0\nlib d--755 0 0\nrpm d--755 0 0\nrpmdb.sqlite ---644 0 0 "+dir+"/var/lib/rpm/rpmdb.sqlite\n$\n$\n$\n"+
		"boot d--755 0 0\nvmlinuz-5.14.0-1.el9.x86_64 ---644 0 0 "+dir+"/boot/vmlinuz-5.14.0-1.el9.x86_64\n$\n$\n")
	write(t, path, "")
	if err := os.Truncate(path, 400*mib); err != nil {
		t.Fatal(err)
	}
	run(t, "mkfs.xfs", "-q", "-L", "stone", "-m", "uuid=11111111-2222-3333-4444-555555555555", "-p", proto, path)
	r, err := File(t.Context(), path, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Partitions) != 1 || r.Partitions[0].FileSystem != (FileSystem{"xfs", "stone", "11111111-2222-3333-4444-555555555555"}) {
		t.Errorf("got %+v", r)
	}
	wantSystem(t, r)
}

// TestMedium makes an image that starts with UEFI, and inspects it whole and damaged.
func TestMedium(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(dir, name)
		write(t, path, strings.Repeat(name+"\n", 1<<16))
		return path
	}
	squash := filepath.Join(dir, "squashfs.img")
	run(t, "mksquashfs", root(t), squash, "-quiet", "-no-progress", "-comp", "xz")
	path := filepath.Join(dir, "image")
	s := iso.Spec{
		Arch: "aarch64", VolumeID: "Pebble-9-6-Test", Family: "Pebble", Version: "9.6", Stage2: "LiveOS/squashfs.img", Time: time.Unix(1700000000, 0),
		Menu:    iso.Menu{Title: "Pebble 9.6 Test", Args: "root=live:CDLABEL=Pebble-9-6-Test rd.live.image quiet"},
		Content: []iso.File{{Path: "LiveOS/squashfs.img", Source: squash}},
		Boot:    iso.Boot{Kernel: file("vmlinuz"), Initrd: file("initrd.img"), EFI: iso.EFI{Grub: file("gcdaa64.efi")}},
		Dir:     dir, Out: path,
	}
	if _, err := iso.Make(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	r, err := File(t.Context(), path, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m := r.Medium
	if r.Format != "iso" || m == nil || len(r.Unknown) > 0 || r.OS != "Pebble 9.6" || !slices.Equal(r.Boot, []string{"CD: UEFI, a partition behind the volume", "disk: UEFI"}) {
		t.Fatalf("got %+v", r)
	}
	if m.VolumeID != s.VolumeID || m.Arch != s.Arch || m.MediaCheck != "passed" || m.Squashfs.Compression != "xz" || m.Squashfs.Inodes == 0 {
		t.Errorf("got %+v", m)
	}
	var text bytes.Buffer
	if err := r.Text(&text, true); err != nil || !strings.Contains(text.String(), "LiveOS/squashfs.img") || !strings.Contains(text.String(), "passed, MD5 "+m.MD5) {
		t.Errorf("%v\n%s", err, text.String())
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	image[len(image)/2] ^= 1
	write(t, path, string(image))
	if r, err = File(t.Context(), path, Options{Dir: t.TempDir()}); err != nil || r.Medium.MediaCheck != iso.ErrMD5.Error() {
		t.Errorf("the damaged image is %+v, %v", r.Medium, err)
	}
}

// TestNothing: what nobody knows is a raw disk of which nothing is known, and that is said.
func TestNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, strings.Repeat("quarry\n", 512))
	r, err := File(t.Context(), path, Options{Dir: t.TempDir()})
	if err != nil || r.Format != "raw" || len(r.Unknown) < 3 {
		t.Errorf("got %+v, %v", r, err)
	}
	write(t, path, "")
	if _, err = File(t.Context(), path, Options{Dir: t.TempDir()}); err == nil {
		t.Error("an empty file is an image")
	}
	if _, err = File(t.Context(), filepath.Dir(path), Options{Dir: t.TempDir()}); err == nil {
		t.Error("a folder is an image")
	}
}

func TestBudgetEnds(t *testing.T) {
	b := &budget{r: strings.NewReader("quarry"), left: 6}
	buf := make([]byte, 4)
	if _, err := b.ReadAt(buf, 0); err != nil {
		t.Error(err)
	}
	if _, err := b.ReadAt(buf, 0); err == nil || err == io.EOF {
		t.Errorf("got %v", err)
	}
}
