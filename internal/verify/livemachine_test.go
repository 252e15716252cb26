package verify

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/vm"
	"github.com/quarry-project/quarry/test/shared"
)

// Whole machines: an ISO with the kernel of the test distribution, the host's boot loaders and testdata/liveguest as init.

// have copies files of the host into a folder; without them the test is skipped.
func have(t *testing.T, dir string, paths ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			shared.Missing(t, "no %s: install isolinux, syslinux-common and grub-efi-amd64-bin", path)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, env []string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// liveISO is a small live image that starts on BIOS and UEFI.
func liveISO(t *testing.T) string {
	t.Helper()
	root := os.Getenv("QUARRY_PEBBLE")
	if root == "" {
		shared.Missing(t, "no test distribution: set QUARRY_PEBBLE to the tree that `make pebble` makes")
	}
	boot := filepath.Join(root, "9", "BaseOS", "x86_64", "os", "images", "pxeboot")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	const modules = "/usr/lib/syslinux/modules/bios/"
	have(t, in("isolinux"), "/usr/lib/ISOLINUX/isolinux.bin", "/usr/lib/ISOLINUX/isohdpfx.bin", modules+"ldlinux.c32", modules+"libcom32.c32", modules+"libutil.c32", modules+"vesamenu.c32")
	have(t, in("grub"), "/usr/lib/grub/x86_64-efi/iso9660.mod")
	run(t, nil, "grub-mkimage", "-O", "x86_64-efi", "-p", "/EFI/BOOT", "-o", in("grub.efi"),
		"fat", "iso9660", "part_gpt", "part_msdos", "normal", "configfile", "linux", "search", "search_label", "all_video", "gfxterm", "font", "test", "echo")
	run(t, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, "go", "build", "-ldflags=-s -w", "-o", in("liveguest"), "./testdata/liveguest")
	if err := vm.Initrd(in("initrd.img"), filepath.Join(boot, "initrd.img"), map[string]vm.File{"/init": {Path: in("liveguest"), Mode: 0o755}}); err != nil {
		t.Fatal(err)
	}
	// What is read only by who checks the medium.
	if err := os.Mkdir(in("system"), 0o755); err != nil {
		t.Fatal(err)
	}
	words, err := os.Create(in("system/words"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(words, rand.Reader, 96<<20); err != nil {
		t.Fatal(err)
	}
	words.Close()
	run(t, nil, "mksquashfs", in("system"), in("squashfs.img"), "-quiet", "-no-progress", "-noD", "-noF", "-all-root")
	spec := iso.Spec{
		Arch: "x86_64", Loader: iso.Isolinux, VolumeID: "Test-9-Live", Family: "Test", Version: "9.6",
		// An emulated PC of a busy host may have its timer too late for Linux.
		Menu:    iso.Menu{Title: "Test 9.6 Live", Args: "root=live:CDLABEL=Test-9-Live rd.live.image quiet no_timer_check", Check: "rd.live.check"},
		Content: []iso.File{{Path: "LiveOS/squashfs.img", Source: in("squashfs.img")}}, Stage2: "LiveOS/squashfs.img",
		Boot: iso.Boot{Kernel: filepath.Join(boot, "vmlinuz"), Initrd: in("initrd.img"), EFI: iso.EFI{Grub: in("grub.efi")}, Isolinux: in("isolinux")},
		Time: time.Unix(1767312000, 0), Dir: dir, Out: in("live.iso"),
	}
	if _, err := iso.Make(t.Context(), spec, nil); err != nil {
		t.Fatal(err)
	}
	return spec.Out
}

func TestLiveImageInMachines(t *testing.T) {
	path := liveISO(t)
	o := Options{Release: "9", Dir: filepath.Join(t.TempDir(), "verify"), Accel: vm.TCG, User: "liveuser", MemoryMiB: 1024, Login: 5 * time.Minute}
	if dir := os.Getenv("QUARRY_KEEP"); dir != "" {
		o.Dir = dir
	}
	start := func(ctx context.Context, m vm.Machine) (machine, error) {
		// The test distribution's kernel has no driver for the PC's own CD drive.
		m.Arch.CD = []string{"virtio-scsi-pci", "scsi-cd"}
		return startMachine(ctx, m)
	}
	r, err := verifier{start: start, pause: time.Second}.image(t.Context(), artifact.Image{File: artifact.File{Path: path}, Format: "iso", Arch: "x86_64"}, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Passed || len(r.Boots) != 3 {
		t.Errorf("%d boots: %s", len(r.Boots), strings.Join(r.Failures(), "\n"))
	}
	var entries []string
	for _, b := range r.Boots {
		entries = append(entries, b.Name()+" "+b.Entry)
		if b.Agent == 0 || b.Login < b.Agent || len(b.Screenshots) < 2 || !strings.Contains(b.Kernel, "amd64") {
			t.Errorf("boot %+v", b)
		}
		t.Logf("%s: up after %.0f s, done after %.0f s: %+v", b.Name(), b.Agent, b.Seconds, b.Checks)
	}
	if want := []string{"bios-cd default", "uefi-cd first", "uefi-usb first"}; !slices.Equal(entries, want) {
		t.Errorf("booted %q, want %q", entries, want)
	}
}
