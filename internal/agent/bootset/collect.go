package bootset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Bounds of what is copied out of a tree.
const (
	maxFile  = 1 << 30 // bytes; the largest is the initramfs
	maxFiles = 1000    // of one folder; grub has some 300 modules
)

// plain is what a copy may be called: a plain file name, or one in a folder.
var plain = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)?$`)

// ValidName reports whether a file of a boot set may be called so.
func ValidName(name string) bool { return plain.MatchString(name) }

// collector copies files out of a tree. All access goes through root, so a link in the tree leads nowhere else.
type collector struct {
	root   *os.Root
	out    string
	result *wire.BootResult
}

// file copies what f names.
func (c collector) file(f wire.BootFile) error {
	for _, glob := range f.Globs {
		found, err := fs.Glob(c.root.FS(), glob)
		if err != nil {
			return fmt.Errorf("%s: %w", glob, err)
		}
		found = slices.DeleteFunc(found, func(name string) bool {
			info, err := c.root.Stat(name)
			return err != nil || !info.Mode().IsRegular()
		})
		switch {
		case len(found) == 0:
			continue
		case !f.All:
			return c.copy(found[0], f.Name)
		case len(found) > maxFiles:
			return fmt.Errorf("/%s matches more than %d files", glob, maxFiles)
		}
		for _, name := range found {
			if err := c.copy(name, path.Join(f.Name, path.Base(name))); err != nil {
				return err
			}
		}
		return nil
	}
	if f.Optional {
		c.result.Missing = append(c.result.Missing, f.Name)
		return nil
	}
	return &MissingError{Globs: f.Globs, Package: f.Package}
}

// copy copies one regular file. The copy is called name.
func (c collector) copy(from, name string) (err error) {
	if !ValidName(name) {
		return fmt.Errorf("%q can't be a file's name on a medium", name)
	}
	in, err := c.root.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > maxFile {
		return fmt.Errorf("/%s of the installed packages is no file of 1 to %d bytes", from, maxFile)
	}
	to := filepath.Join(c.out, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, io.LimitReader(in, info.Size())); err != nil {
		return err
	}
	c.result.Files = append(c.result.Files, name)
	return nil
}
