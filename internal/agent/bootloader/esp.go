package bootloader

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// hiddenESP is where the EFI system partition is mounted while grub must not see it.
const hiddenESP = "/run/quarry/esp"

// withoutESP does work while the system has no /boot/efi. On PowerPC grub's installer takes a folder of that name for a Macintosh's boot partition,
// whatever is in it, and fails because it is none; kickstarts for several architectures have one.
func (t Target) withoutESP(work func() error) (err error) {
	const dir = "boot/efi"
	info, err := t.Root.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return work()
	}
	if err != nil {
		return err
	}
	parent, err := t.Root.Lstat(filepath.Dir(dir))
	if err != nil {
		return err
	}
	at := filepath.Join(t.Root.Name(), dir)
	if device(info) != device(parent) {
		if err := t.Root.MkdirAll(hiddenESP[1:], 0o755); err != nil {
			return err
		}
		hidden := filepath.Join(t.Root.Name(), hiddenESP)
		if err := unix.Mount(at, hidden, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("put %s aside: %w", at, err)
		}
		defer func() {
			if back := unix.Mount(hidden, at, "", unix.MS_MOVE, ""); back != nil {
				err = errors.Join(err, fmt.Errorf("put %s back: %w", at, back))
			}
		}()
	}
	if err := t.Root.Remove(dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Root.Mkdir(dir, 0o755)) }()
	return work()
}

// device is the file system that a file is on.
func device(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Dev) //nolint:unconvert // the type of Dev differs between architectures
	}
	return 0
}
