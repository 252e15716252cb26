package verify

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

// emptyRoot is a tar of one folder, the root.
func emptyRoot(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755, Format: tar.FormatPAX}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const piTable = `{"partitiontable": {"label":"dos", "id":"0x1234abcd", "partitions": [
 {"node":"/dev/vda1", "start":2048, "size":614400, "type":"c"}, {"node":"/dev/vda2", "start":616448, "size":1048576, "type":"82"},
 {"node":"/dev/vda3", "start":1665024, "size":5734400, "type":"83"}]}}`

func healthyPi() map[string]wire.Answer {
	return map[string]wire.Answer{
		"sfdisk":      {Out: piTable},
		"ls ":         {Out: "bcm2711-rpi-4-b.dtb\nbootcode.bin\ncmdline.txt\nconfig.txt\nfixup4.dat\nkernel8.img\nstart4.elf\n"},
		"cmdline.txt": {Out: "console=tty1 root=PARTUUID=1234abcd-03 rootfstype=ext4 rootwait\n1234abcd-03\n"},
		"etc/fstab":   {Out: "UUID=1 / ext4 defaults 1 1\nUUID=2 /boot vfat defaults 0 0\n/mnt/image\n/mnt/image/boot\n"},
		"uname -m":    {Out: "aarch64\n"}, "os-release": {Out: "rocky 9.6\n"}, "rpm -qa": {Out: "bash 0 5.1 1.el9 x86_64\n"},
	}
}

func TestInspectDisk(t *testing.T) {
	o := testOptions(t)
	o.Method = Inspect
	var seen Inspection
	o.Look = looker(t, healthyPi(), &seen)
	img := testImage(t)
	r, err := verifier{}.image(t.Context(), img, o)
	if err != nil || !r.Passed || len(r.Boots) != 1 {
		t.Fatalf("%+v %v: %v", r, err, r.Failures())
	}
	if b := r.Boots[0]; b.Method != Inspect || b.NotSeen == "" || b.Firmware != "" || len(b.Checks) != 7 {
		t.Errorf("%+v", b)
	}
	if seen.Layer || seen.Path != img.Path || seen.Format != "qcow2" {
		t.Errorf("was to look at %+v", seen)
	}
}

// A Pi's kernel that comes with an initramfs is started, too; without one the report says why not.
func TestInspectDiskStartsKernel(t *testing.T) {
	for name, c := range map[string]struct {
		inBoot, prints, want string
		boots                int
	}{
		"with an initramfs":    {"initramfs8\n", consoleOfHealthy, "", 2},
		"without an initramfs": {"", "", "", 1},
		"that does not start":  {"initramfs8\n", "Kernel panic", "direct: no login prompt", 2},
	} {
		t.Run(name, func(t *testing.T) {
			answers := healthyPi()
			answers["ls "] = wire.Answer{Out: answers["ls "].Out + c.inBoot}
			o := consoleOptions(t)
			o.Method, o.Look = Inspect, looker(t, answers, new(Inspection))
			var files []string
			o.TakeKernel = func(_ context.Context, in Inspection, _ progress.Func) (k artifact.Kernel, err error) {
				k.Path, k.Initrd.Path, k.Cmdline = filepath.Join(in.Dir, "kernel"), filepath.Join(in.Dir, "initrd"), "root=PARTUUID=1234abcd-03 console=tty1"
				files = []string{k.Path, k.Initrd.Path}
				return k, errors.Join(os.WriteFile(k.Path, nil, 0o600), os.WriteFile(k.Initrd.Path, nil, 0o600))
			}
			g := healthy(t)
			g.dead, g.prints = true, c.prints
			r, err := verified(t, g, testImage(t), o)
			if err != nil {
				t.Fatal(err)
			}
			if f := strings.Join(r.Failures(), "\n"); r.Passed != (c.want == "") || !strings.Contains(f, c.want) || len(r.Boots) != c.boots || r.Unproven != "" {
				t.Fatalf("%+v: %s", r, f)
			}
			if c.boots == 1 {
				if !strings.Contains(r.Boots[0].NotSeen, "without an initramfs") {
					t.Errorf("it does not say why: %s", r.Boots[0].NotSeen)
				}
				return
			}
			if b := r.Boots[1]; b.Method != Console || b.Firmware != Direct || b.Error == "" && (len(b.Checks) != 2 || !strings.Contains(b.NotSeen, notSeenWithoutButton)) {
				t.Errorf("%+v", b)
			}
			m := g.machines[0]
			if m.Kernel != files[0] || m.Initrd != files[1] || m.Append != "root=PARTUUID=1234abcd-03 console=tty1 console=ttyS0" {
				t.Errorf("started %+v", m)
			}
			for _, f := range files {
				if _, err := os.Stat(f); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is left behind: %v", f, err)
				}
			}
		})
	}
}

func TestInspectDiskFails(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		answer  wire.Answer
		want    string
	}{
		"gpt":               {"sfdisk", wire.Answer{Out: strings.Replace(piTable, `"dos"`, `"gpt"`, 1)}, "partitions: gpt"},
		"no FAT type":       {"sfdisk", wire.Answer{Out: strings.Replace(piTable, `"c"`, `"83"`, 1)}, "no type of FAT"},
		"no table":          {"sfdisk", wire.Answer{Out: "does not contain a recognized partition table", Exit: 1}, "no partition table"},
		"no firmware":       {"ls ", wire.Answer{Out: "cmdline.txt\nkernel8.img\n"}, "/boot lacks firmware (start*.elf), its data (fixup*.dat), a device tree (bcm*.dtb)"},
		"root left empty":   {"cmdline.txt", wire.Answer{Out: "console=tty1 root= rootwait\n1234abcd-03\n"}, "does not say root=PARTUUID=1234abcd-03"},
		"another root":      {"cmdline.txt", wire.Answer{Out: "root=PARTUUID=1234abcd-02\n1234abcd-03\n"}, "does not say root=PARTUUID=1234abcd-03"},
		"several lines":     {"cmdline.txt", wire.Answer{Out: "root=PARTUUID=1234abcd-03\nrootwait\n1234abcd-03\n"}, "no arguments of one line"},
		"/boot not mounted": {"etc/fstab", wire.Answer{Out: "UUID=1 / ext4 defaults 1 1\n/mnt/image\n"}, "/boot was not found"},
	} {
		t.Run(name, func(t *testing.T) {
			answers := healthyPi()
			answers[c.command] = c.answer
			o := testOptions(t)
			o.Method, o.Look = Inspect, looker(t, answers, new(Inspection))
			r, err := verifier{}.image(t.Context(), testImage(t), o)
			if err != nil {
				t.Fatal(err)
			}
			if f := strings.Join(r.Failures(), "\n"); r.Passed || !strings.Contains(f, c.want) {
				t.Errorf("got %q; want %q", f, c.want)
			}
		})
	}
}

func hostArch(t *testing.T) string {
	t.Helper()
	a, ok := arch.Host()
	if !ok {
		t.Skip("this host is of an architecture that images aren't made for")
	}
	return a.Name
}
