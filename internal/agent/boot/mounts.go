// Package boot is the machine's way from the kernel to a place where work can be done: file systems, modules, drives, the event
// port, the installer's runtime, and the way down again. It knows nothing of kickstarts. It runs as root of the machine, or
// of a namespace (BindSystem), and never on a host itself.
package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// apiMount is a file system that the kernel offers.
type apiMount struct {
	target, fstype, options string
	flags                   uintptr
}

// apiMounts is what the first process mounts, in order.
func apiMounts() []apiMount {
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	return []apiMount{
		{"/proc", "proc", "", safe},
		{"/sys", "sysfs", "", safe},
		{"/dev", "devtmpfs", "mode=0755", unix.MS_NOSUID},
		{"/dev/pts", "devpts", "mode=0620,gid=5,ptmxmode=0666", unix.MS_NOSUID | unix.MS_NOEXEC},
		{"/dev/shm", "tmpfs", "mode=1777", unix.MS_NOSUID | unix.MS_NODEV},
		{"/run", "tmpfs", "mode=0755", unix.MS_NOSUID | unix.MS_NODEV},
	}
}

// MountAPI mounts proc, sysfs, devtmpfs, devpts and tmpfs where they belong. What is mounted already stays.
func MountAPI() error {
	for _, m := range apiMounts() {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return fmt.Errorf("make the mount point %s: %w", m.target, err)
		}
		err := unix.Mount(m.fstype, m.target, m.fstype, m.flags, m.options)
		if err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		_ = os.Symlink(to, filepath.Join("/dev", name)) // there already with some kernels
	}
	return nil
}

// BindSystem makes a root able to run programs: the machine's /dev, /proc and /sys and a fresh /run are mounted in it. The function it
// returns takes them away again.
func BindSystem(root string) (func() error, error) {
	var done []string
	undo := func() error {
		var errs []error
		for i := len(done) - 1; i >= 0; i-- {
			errs = append(errs, Unmount(done[i]))
		}
		done = nil
		return errors.Join(errs...)
	}
	for _, dir := range []string{"dev", "proc", "sys", "run"} {
		target := filepath.Join(root, dir)
		err := os.MkdirAll(target, 0o755)
		switch {
		case err != nil:
		case dir == "run":
			err = unix.Mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755")
		default:
			err = unix.Mount("/"+dir, target, "", unix.MS_BIND|unix.MS_REC, "")
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("mount %s: %w", target, err), undo())
		}
		done = append(done, target)
	}
	return undo, nil
}

// Unmount unmounts target and everything below it. What is still busy is detached, so that only a file system's own unmounting
// (see storage) can fail for it.
func Unmount(target string) error {
	err := unix.Unmount(target, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("unmount %s: %w", target, err)
	}
	return nil
}

// MountReadOnly mounts a squashfs, erofs or ISO image that is on a device.
func MountReadOnly(device, target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, fstype := range []string{"squashfs", "erofs", "iso9660"} {
		err := unix.Mount(device, target, fstype, unix.MS_RDONLY, "")
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", fstype, err))
	}
	return fmt.Errorf("mount %s at %s: %w", device, target, errors.Join(errs...))
}

// KernelRelease is uname -r.
func KernelRelease() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// OpenConsole makes the kernel's console the standard output and error: an initramfs without a console node starts the first process
// with none.
func OpenConsole() {
	console, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return
	}
	for _, fd := range []int{1, 2} {
		_ = unix.Dup3(int(console.Fd()), fd, 0)
	}
}
