// Package bootloader makes an installed system start: the kernel's command line, grub's settings, BLS entries, and the boot loader of
// each firmware that the architecture has. It installs no packages: a loader whose files are not there is said to be missing, and is left
// to the kickstart's scripts. It never writes to the machine's NVRAM: an image has to start on another one.
package bootloader

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/program"
	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
)

// Target is the installed system to make startable.
type Target struct {
	Root     *os.Root
	Tools    program.Runner // in Root
	Arch     arch.Arch
	Disk     string // "/dev/vda"
	Contents []storage.Content
	Log      func(string)
	Warn     func(string)
}

// Install writes the settings and installs every loader that can be. What the kickstart's bootloader command disables is left alone, but
// the kernel's command line and fstab are right all the same.
func Install(ctx context.Context, t Target, b wire.Bootloader, arguments []string) error {
	line, err := CommandLine(t.Contents, b, arguments)
	if err != nil {
		return err
	}
	if err := writeSettings(t, b, line); err != nil {
		return err
	}
	if err := entries(t, line); err != nil {
		return err
	}
	if b.Disabled {
		t.Log("bootloader: the kickstart wants none")
		return nil
	}
	for _, install := range []func(context.Context, Target, wire.Bootloader) error{efi, grubBIOS, grubPReP, grubMenu, zipl} {
		if err := install(ctx, t, b); err != nil {
			return err
		}
	}
	return nil
}

// Line is a kernel's command line.
type Line struct {
	Root string   // "UUID=…" or a device
	Args []string // what follows "root=… ro"
}

// String is the whole line.
func (l Line) String() string {
	return strings.Join(append([]string{"root=" + l.Root, "ro"}, l.Args...), " ")
}

// CommandLine makes the kernel's command line: the root, what finds it, what addons ask for and the kickstart's own arguments. An
// argument that the kickstart gives (crashkernel=) is not given twice.
func CommandLine(contents []storage.Content, b wire.Bootloader, arguments []string) (Line, error) {
	root, ok := storage.At(contents, "/")
	if !ok {
		return Line{}, errors.New("there is no root file system to start from")
	}
	line := Line{Root: storage.Source(root)}
	for _, c := range contents {
		if c.Volume && (c.Mount == "/" || c.Mount == "swap" || c.Mount == "/usr") {
			line.Args = append(line.Args, "rd.lvm.lv="+volumeName(c.Device))
		}
	}
	own := strings.Fields(b.Append)
	for _, a := range arguments {
		name, _, _ := strings.Cut(a, "=")
		if !slices.ContainsFunc(own, func(o string) bool { return strings.HasPrefix(o, name+"=") }) {
			line.Args = append(line.Args, a)
		}
	}
	line.Args = append(line.Args, own...)
	return line, nil
}

// volumeName turns /dev/mapper/my--group-root into my-group/root.
func volumeName(device string) string {
	name := strings.ReplaceAll(path.Base(device), "--", "\x00")
	name = strings.Replace(name, "-", "/", 1)
	return strings.ReplaceAll(name, "\x00", "-")
}

// Installed tells which loaders a disk ends up with: scripts of the kickstart install some, so this looks and doesn't remember.
func Installed(t Target) (artifact.Boot, error) {
	var boot artifact.Boot
	if t.Arch.Grub == "i386-pc" {
		f, err := os.Open(t.Disk)
		if err != nil {
			return boot, err
		}
		code := make([]byte, 440) // the boot code of a master boot record
		_, err = f.Read(code)
		if err := errors.Join(err, f.Close()); err != nil {
			return boot, fmt.Errorf("read the boot record of %s: %w", t.Disk, err)
		}
		boot.BIOS = strings.Contains(string(code), "GRUB")
	}
	if t.Arch.EFI != "" {
		boot.UEFI = t.has(fallbackLoader(t.Arch))
	}
	boot.PReP = t.Arch.Grub == "powerpc-ieee1275" && t.has("boot/grub2/powerpc-ieee1275/core.elf")
	boot.ZIPL = t.Arch.Bus == arch.CCW && t.has("boot/bootmap")
	return boot, nil
}

func (t Target) has(name string) bool {
	_, err := t.Root.Stat(name)
	return err == nil
}

func (t Target) write(name, text string) error {
	if err := t.Root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := t.Root.WriteFile(name+".quarry", []byte(text), 0o644); err != nil {
		return fmt.Errorf("write /%s: %w", name, err)
	}
	return t.Root.Rename(name+".quarry", name)
}

// list returns the names in a folder; none where it isn't there.
func (t Target) list(name string) ([]string, error) {
	entries, err := fs.ReadDir(t.Root.FS(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
