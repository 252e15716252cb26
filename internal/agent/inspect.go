package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/program"
	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// inspect looks at a finished image. What its programs do, they do to a copy.
func (w *worker) inspect(ctx context.Context) (result wire.Result, err error) {
	in := w.job.Inspection
	if in == nil {
		return result, errors.New("the job does not say what to look at")
	}
	target, err := boot.Drive(ctx, wire.Target)
	if err != nil {
		return result, err
	}
	open := w.mountDisk
	if in.Layer {
		open = w.unpackLayer
	}
	if err := w.report.Phase(ctx, "open", func(ctx context.Context) error { return open(ctx, target) }); err != nil {
		return result, err
	}
	result.Answers = make([]wire.Answer, len(in.Commands))
	err = w.report.Phase(ctx, "look", func(ctx context.Context) error {
		if err := w.ask(ctx, "/", in.Commands, result.Answers); err != nil {
			return err
		}
		unbind, err := boot.BindSystem(wire.Image)
		if err != nil {
			return err
		}
		return errors.Join(w.ask(ctx, wire.Image, in.Commands, result.Answers), unbind())
	})
	return result, err
}

// ask runs the commands that belong in root.
func (w *worker) ask(ctx context.Context, root string, commands []wire.Command, answers []wire.Answer) error {
	for n, c := range commands {
		if c.Outside != (root == "/") {
			continue
		}
		out, exit, err := program.Ask(ctx, root, wire.MaxAnswer, "/bin/bash", "-c", c.Script)
		if err != nil {
			return fmt.Errorf("run %q: %w", c.Script, err)
		}
		answers[n] = wire.Answer{Out: out, Exit: exit}
	}
	return nil
}

// unpackLayer unpacks the tar that the drive holds with the runtime's tar: not with what wrote it, so that one mistake can't hide in both.
func (w *worker) unpackLayer(ctx context.Context, tar string) error {
	scratch, err := boot.Drive(ctx, wire.Scratch)
	if err != nil {
		return err
	}
	if err := w.formatScratch(ctx, scratch); err != nil {
		return err
	}
	if err := mountAt(scratch, "ext4", wire.Image); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(wire.Image, "lost+found")); err != nil {
		return err
	}
	err = w.runtime.Run(ctx, "tar", "-x", "-p", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-f", tar, "-C", wire.Image)
	if err != nil {
		return fmt.Errorf("unpack the root file system: %w", err)
	}
	return nil
}

// mountDisk mounts the partitions of a disk where its own fstab wants them: the root is the one that has an fstab.
func (w *worker) mountDisk(ctx context.Context, disk string) error {
	parts, err := w.fileSystems(ctx, disk)
	if err != nil {
		return err
	}
	root := slices.IndexFunc(parts, func(p storage.Content) bool {
		if err := mountAt(p.Device, p.Type, wire.Image); err != nil {
			return false
		}
		if _, err := os.Stat(filepath.Join(wire.Image, "etc/fstab")); err == nil {
			return true
		}
		_ = boot.Unmount(wire.Image)
		return false
	})
	if root < 0 {
		return errors.New("no partition holds a file system with an /etc/fstab; logical volumes can't be looked at without a boot")
	}
	fstab, err := os.ReadFile(filepath.Join(wire.Image, "etc/fstab"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(fstab)) {
		f := strings.Fields(line)
		if len(f) < 3 || !strings.HasPrefix(f[1], "/") || f[1] == "/" {
			continue
		}
		for _, p := range parts {
			if p.UUID == "" || f[0] != "UUID="+p.UUID {
				continue
			}
			if err := mountAt(p.Device, p.Type, filepath.Join(wire.Image, filepath.Clean(f[1]))); err != nil {
				return fmt.Errorf("fstab's %s: %w", f[1], err)
			}
		}
	}
	return nil
}

// fileSystems finds what can be mounted on a disk: on its partitions, or on itself where it has none. It asks blkid, which reads the devices:
// lsblk would ask udev, which need not run.
func (w *worker) fileSystems(ctx context.Context, disk string) ([]storage.Content, error) {
	name := filepath.Base(disk)
	devices, err := filepath.Glob(filepath.Join("/sys/class/block", name, name+"*"))
	if err != nil {
		return nil, err
	}
	if len(devices) == 0 {
		devices = []string{disk}
	}
	var found []storage.Content
	for _, device := range devices {
		device = filepath.Join("/dev", filepath.Base(device))
		// It ends with an error where it knows nothing of the content, as with a boot loader's partition.
		out, _ := w.runtime.Output(ctx, "blkid", "-p", "-o", "export", device)
		if c, ok := fileSystem(device, string(out)); ok {
			found = append(found, c)
		}
	}
	return found, nil
}

// fileSystem reads what blkid exports: lines of NAME=VALUE.
func fileSystem(device, export string) (storage.Content, bool) {
	c := storage.Content{Device: device}
	for line := range strings.Lines(export) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "TYPE":
			c.Type = value
		case "UUID":
			c.UUID = value
		}
	}
	return c, slices.Contains([]string{"ext2", "ext3", "ext4", "xfs", "vfat"}, c.Type)
}

func mountAt(device, fstype, target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(device, target, fstype, 0, ""); err != nil {
		return fmt.Errorf("mount %s (%s) at %s: %w", device, fstype, target, err)
	}
	return nil
}
