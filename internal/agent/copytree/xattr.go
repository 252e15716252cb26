package copytree

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// copyXattrs copies every extended attribute. A file system that can't hold any (FAT) is no error, as its files in the packages
// have none that count.
func copyXattrs(from, to string) error {
	var fixed [256]byte
	list := fixed[:]
	n, err := unix.Llistxattr(from, list)
	if errors.Is(err, unix.ERANGE) {
		if n, err = unix.Llistxattr(from, nil); err == nil {
			list = make([]byte, n)
			n, err = unix.Llistxattr(from, list)
		}
	}
	if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list extended attributes: %w", err)
	}
	for name := range bytes.SplitSeq(bytes.TrimRight(list[:n], "\x00"), []byte{0}) {
		if err := copyXattr(from, to, string(name)); err != nil {
			return fmt.Errorf("extended attribute %s: %w", name, err)
		}
	}
	return nil
}

func copyXattr(from, to, name string) error {
	size, err := unix.Lgetxattr(from, name, nil)
	if err != nil {
		return err
	}
	value := make([]byte, size)
	if size > 0 {
		if size, err = unix.Lgetxattr(from, name, value); err != nil {
			return err
		}
	}
	err = unix.Lsetxattr(to, name, value[:size], 0)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}
