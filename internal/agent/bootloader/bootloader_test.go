package bootloader

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/test/golden"
)

// tools has every program and remembers what is run.
type tools struct{ calls []string }

func (*tools) Has(string) bool { return true }
func (r *tools) Run(_ context.Context, args ...string) error {
	r.calls = append(r.calls, strings.Join(args, " "))
	return nil
}
func (r *tools) Feed(ctx context.Context, _ string, args ...string) error { return r.Run(ctx, args...) }
func (r *tools) Output(ctx context.Context, args ...string) ([]byte, error) {
	return nil, r.Run(ctx, args...)
}

const uuid = "11111111-2222-4333-8444-555555555555"

func contents(separateBoot bool) []storage.Content {
	c := []storage.Content{
		{Device: "/dev/vda1", Mount: "/boot/efi", Type: "vfat", UUID: "AAAA-BBBB"},
		{Device: "/dev/vda3", Mount: "prepboot"},
		{Device: "/dev/vda5", Mount: "/", Type: "xfs", UUID: uuid},
	}
	if separateBoot {
		c = append(c, storage.Content{Device: "/dev/vda2", Mount: "/boot", Type: "xfs", UUID: "b007"})
	}
	return c
}

func target(t *testing.T, name string, separateBoot bool, files ...string) (Target, *tools, *[]string) {
	t.Helper()
	a, err := arch.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	for _, f := range files {
		if err := root.MkdirAll(path.Dir(f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := root.WriteFile(f, []byte(f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run, said := &tools{}, &[]string{}
	say := func(s string) { *said = append(*said, s) }
	return Target{Root: root, Tools: run, Arch: a, Disk: "/dev/vda", Contents: contents(separateBoot), Log: say, Warn: say}, run, said
}

const entry = `title Pebble (6.1) 9.6
version 6.1
linux /vmlinuz-6.1
initrd /initramfs-6.1.img $tuned_initrd
options ro
grub_class pebble
`

func TestInstall(t *testing.T) {
	ten := 1
	b := wire.Bootloader{Append: "console=ttyS0,115200n8 crashkernel=auto net.ifnames=0", Timeout: &ten, EFIDir: "pebble"}
	for _, c := range []struct {
		name, arch string
		separate   bool
		files      []string
	}{
		{"x86_64", "x86_64", true, []string{
			"usr/lib/grub/i386-pc/normal.mod", efiDir + "/BOOT/BOOTX64.EFI", efiDir + "/BOOT/fbx64.efi", efiDir + "/pebble/shimx64.efi", efiDir + "/pebble/grubx64.efi"}},
		{"x86_64-no-shim", "x86_64", false, []string{efiDir + "/pebble/grubx64.efi"}},
		{"aarch64-no-fallback", "aarch64", true, []string{efiDir + "/pebble/shimaa64.efi", efiDir + "/pebble/grubaa64.efi"}},
		{"ppc64le", "ppc64le", true, nil},
		{"s390x", "s390x", true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tgt, run, said := target(t, c.arch, c.separate, append(c.files, entriesDir+"/id-6.1.conf")...)
			if err := tgt.Root.WriteFile(entriesDir+"/id-6.1.conf", []byte(entry), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := Install(t.Context(), tgt, b, []string{"crashkernel=256M", "audit=0"}); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			show(t, tgt, ".", c.files, &out)
			for _, call := range run.calls {
				fmt.Fprintf(&out, "$ %s\n", call)
			}
			for _, s := range *said {
				fmt.Fprintf(&out, "> %s\n", s)
			}
			golden.Equal(t, c.name+".txt", out.String())
		})
	}
}

// show writes every file that the fixture does not have.
func show(t *testing.T, tgt Target, dir string, known []string, out *strings.Builder) {
	t.Helper()
	names, err := tgt.list(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file := path.Join(dir, name)
		info, err := tgt.Root.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			show(t, tgt, file, known, out)
			continue
		}
		if !slices.Contains(known, file) {
			text, err := tgt.Root.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(out, "== /%s\n%s\n", file, strings.TrimRight(string(text), "\n"))
		}
	}
}

func TestDisabled(t *testing.T) {
	tgt, run, _ := target(t, "x86_64", true)
	if err := Install(t.Context(), tgt, wire.Bootloader{Disabled: true}, nil); err != nil || len(run.calls) != 0 {
		t.Errorf("%v %v", run.calls, err)
	}
	if !tgt.has("etc/kernel/cmdline") {
		t.Error("the command line isn't there")
	}
}

func TestCommandLineOfVolumes(t *testing.T) {
	line, err := CommandLine([]storage.Content{
		{Device: "/dev/mapper/my--group-the--root", Mount: "/", Volume: true}, {Device: "/dev/mapper/my--group-swap", Mount: "swap", Volume: true},
		{Device: "/dev/mapper/my--group-home", Mount: "/home", Volume: true},
	}, wire.Bootloader{Append: "quiet"}, nil)
	const want = "root=/dev/mapper/my--group-the--root ro rd.lvm.lv=my-group/the-root rd.lvm.lv=my-group/swap quiet"
	if err != nil || line.String() != want {
		t.Errorf("%q %v, want %q", line, err, want)
	}
	if _, err := CommandLine(nil, wire.Bootloader{}, nil); err == nil {
		t.Error("no root is no error")
	}
}

func TestEntryWithoutSeparateBoot(t *testing.T) {
	got := bootEntry("linux /vmlinuz-6.1\ninitrd /boot/initramfs-6.1.img\n", Line{Root: "UUID=x"}, "/boot")
	if want := "linux /boot/vmlinuz-6.1\ninitrd /boot/initramfs-6.1.img\noptions root=UUID=x ro\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestGrubDefaultsAreQuoted(t *testing.T) {
	text := grubDefaults(wire.Bootloader{}, Line{Args: []string{`a="b"`, `c\d`}})
	if want := `GRUB_CMDLINE_LINUX="a=\"b\" c\\d"`; !strings.Contains(text, want+"\n") {
		t.Errorf("%s lacks %s", text, want)
	}
}

func TestInstalled(t *testing.T) {
	tgt, _, _ := target(t, "x86_64", true, efiDir+"/BOOT/BOOTX64.EFI")
	disk := path.Join(t.TempDir(), "disk")
	record := make([]byte, 512)
	tgt.Disk = disk
	for _, bios := range []bool{false, true} {
		if bios {
			copy(record[0x180:], "GRUB \x00Geom")
		}
		if err := os.WriteFile(disk, record, 0o600); err != nil {
			t.Fatal(err)
		}
		boot, err := Installed(tgt)
		if err != nil || boot.BIOS != bios || !boot.UEFI || boot.PReP || boot.ZIPL {
			t.Errorf("%+v %v", boot, err)
		}
	}
}
