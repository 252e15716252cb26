package packages

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// leftovers are what installing leaves in the root and a new system does not need. Globs, relative to the root.
func leftovers() []string {
	return []string{
		"var/cache/dnf/*", "var/cache/yum/*", "var/log/dnf*.log*", "var/log/hawkey.log*", "var/tmp/*", "tmp/*",
		"var/lib/rpm/__db*", "var/lib/rpm/.rpm.lock", "usr/lib/sysimage/rpm/.rpm.lock", "root/.gnupg", "var/lib/systemd/random-seed",
	}
}

// clean removes the leftovers and empties the machine's identity, which must not be shared by all copies of an image.
func clean(root string) error {
	var errs []error
	for _, pattern := range leftovers() {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		errs = append(errs, err)
		for _, f := range found {
			errs = append(errs, os.RemoveAll(f))
		}
	}
	id := filepath.Join(root, "etc/machine-id")
	if info, err := os.Lstat(id); err == nil && info.Mode().IsRegular() {
		errs = append(errs, os.Truncate(id, 0))
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
