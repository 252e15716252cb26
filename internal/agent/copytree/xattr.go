package copytree

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/xattr"
)

// copyXattrs copies every extended attribute. A file system that can't hold any (FAT) is no error, as its files in the packages
// have none that count.
func copyXattrs(from, to string) error {
	attributes, err := xattr.Read(from)
	if err != nil {
		return err
	}
	for _, a := range attributes {
		if err := unix.Lsetxattr(to, a.Name, a.Value, 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("extended attribute %s: %w", a.Name, err)
		}
	}
	return nil
}
