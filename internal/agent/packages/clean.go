package packages

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// leftovers are what installing leaves in the root and a new system does not need. Globs, relative to the root.
func leftovers() []string {
	return []string{
		"var/cache/dnf/*", "var/cache/yum/*", "var/log/dnf*.log*", "var/log/hawkey.log*", "var/tmp/*", "tmp/*",
		"var/lib/rpm/__db*", "var/lib/rpm/.rpm.lock", "usr/lib/sysimage/rpm/.rpm.lock", "root/.gnupg", "var/lib/systemd/random-seed",
	}
}

// clean removes the leftovers and empties the machine's identity, which must not be shared by all copies of an image. It never
// follows a link out of the root: packages made what is in there.
func clean(path string) error {
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	var errs []error
	for _, pattern := range leftovers() {
		found, err := fs.Glob(root.FS(), pattern)
		errs = append(errs, err)
		for _, f := range found {
			errs = append(errs, root.RemoveAll(f))
		}
	}
	const id = "etc/machine-id"
	if info, err := root.Lstat(id); err == nil && info.Mode().IsRegular() {
		f, err := root.OpenFile(id, os.O_WRONLY|os.O_TRUNC, 0)
		if err == nil {
			err = f.Close()
		}
		errs = append(errs, err)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cleaning the new system: %w", err)
	}
	return nil
}
