package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/program"
	"github.com/quarry-project/quarry/internal/agent/report"
)

// Make brings the layout about: label, partitions, volumes and file systems. It returns the contents with the identifiers that were
// read back where the plan didn't choose them.
func Make(ctx context.Context, run program.Runner, l Layout) ([]Content, error) {
	for _, c := range tableCalls(l) {
		settle(ctx, run)
		if err := run.Feed(ctx, c.stdin, c.args...); err != nil {
			return nil, fmt.Errorf("partition %s: %w", l.Disk, err)
		}
	}
	settle(ctx, run)
	for _, g := range l.Groups {
		for _, c := range groupCalls(g) {
			if err := run.Run(ctx, c.args...); err != nil {
				return nil, report.At("", g.Line, fmt.Errorf("make the volume group %s: %w", g.Name, err))
			}
		}
	}
	contents := slices.Clone(l.Contents)
	for i := range contents {
		if err := format(ctx, run, &contents[i]); err != nil {
			return nil, report.At("", contents[i].Line, fmt.Errorf("format %s for %s: %w", contents[i].Device, contents[i].Mount, err))
		}
	}
	settle(ctx, run)
	return contents, linkDevices("/dev/disk", contents)
}

// Activate makes the devices of a disk that Make has laid out in another machine.
func Activate(ctx context.Context, run program.Runner, contents []Content) error {
	if slices.ContainsFunc(contents, func(c Content) bool { return c.Volume }) {
		if err := run.Run(ctx, "lvm", "vgchange", "--activate", "y"); err != nil {
			return fmt.Errorf("find the logical volumes: %w", err)
		}
	}
	settle(ctx, run)
	return linkDevices("/dev/disk", contents)
}

// settle waits for udev, where it runs: it looks into every new partition and holds the disk busy meanwhile.
func settle(ctx context.Context, run program.Runner) {
	if run.Has("udevadm") {
		_ = run.Run(ctx, "udevadm", "settle", "--timeout=30") // nothing is lost when udev doesn't run
	}
}

func format(ctx context.Context, run program.Runner, c *Content) error {
	if !c.Keep {
		args, err := mkfsCall(*c)
		if err != nil {
			return err
		}
		if args == nil {
			return wipe(c.Device)
		}
		if err := run.Run(ctx, args...); err != nil {
			return err
		}
	}
	if c.UUID != "" || c.Type == "" {
		return nil
	}
	out, err := run.Output(ctx, "blkid", "-p", "-o", "value", "-s", "UUID", c.Device)
	c.UUID = strings.TrimSpace(string(out))
	if err != nil || c.UUID == "" {
		return errors.Join(fmt.Errorf("find the file system's UUID"), err)
	}
	return nil
}

// wipe clears the start of a partition that holds a boot loader as it is, so that nothing of what was there before is taken for a file
// system.
func wipe(device string) error {
	f, err := os.OpenFile(device, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, MiB))
	return errors.Join(err, f.Close())
}

// linkDevices makes the links that udev makes: grub2-mkconfig names the root by its UUID only where this link exists.
func linkDevices(dir string, contents []Content) error {
	for _, c := range contents {
		for kind, name := range map[string]string{"by-uuid": c.UUID, "by-label": c.Label} {
			if name == "" || strings.Contains(name, "/") {
				continue
			}
			link := filepath.Join(dir, kind, name)
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				return err
			}
			target, err := filepath.Rel("/dev/disk/"+kind, c.Device)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, link); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
		}
	}
	return nil
}

// Mounted is what Mount returns: it knows how to unmount it all again.
type Mounted struct{ targets []string }

// Mount mounts the contents below root, / first, and the same again at alias (a link), where some scripts look for it.
func Mount(contents []Content, root, alias string) (Mounted, error) {
	var m Mounted
	for _, c := range mountOrder(contents) {
		target := filepath.Join(root, c.Mount)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return m, errors.Join(fmt.Errorf("make the mount point %s: %w", c.Mount, err), m.Unmount())
		}
		options := ""
		if c.Type == "vfat" {
			options = "umask=0077,shortname=winnt,quiet" // quiet: owners and modes that FAT can't hold are no errors
		}
		if err := unix.Mount(c.Device, target, c.Type, 0, options); err != nil {
			return m, errors.Join(report.At("", c.Line, fmt.Errorf("mount %s (%s) at %s: %w", c.Device, c.Type, target, err)), m.Unmount())
		}
		m.targets = append(m.targets, target)
	}
	if err := os.Symlink(root, alias); err != nil && !errors.Is(err, os.ErrExist) {
		return m, errors.Join(err, m.Unmount())
	}
	return m, nil
}

// mountOrder returns what is mounted, parents first.
func mountOrder(contents []Content) []Content {
	mounts := slices.DeleteFunc(slices.Clone(contents), func(c Content) bool { return !strings.HasPrefix(c.Mount, "/") })
	slices.SortStableFunc(mounts, func(a, b Content) int { return strings.Compare(filepath.Clean(a.Mount), filepath.Clean(b.Mount)) })
	return mounts
}

// Trim tells the disk which blocks of the file systems are free, so that its image stays small.
func (m Mounted) Trim(log func(string)) {
	for _, target := range m.targets {
		if err := trim(target); err != nil {
			log(fmt.Sprintf("trim %s: %v", target, err))
		}
	}
}

// Unmount unmounts everything, the innermost first; what is still busy is an error, because its data may not be on the disk.
func (m Mounted) Unmount() error {
	var errs []error
	for _, target := range slices.Backward(m.targets) {
		if err := unix.Unmount(target, 0); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", target, err))
		}
	}
	return errors.Join(errs...)
}

// Targets are the mount points, parents first.
func (m Mounted) Targets() []string { return slices.Clone(m.targets) }
