package bootset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

const (
	modulesDir = "usr/lib/modules"
	dracutDir  = "usr/lib/dracut/modules.d"
)

// newestKernel is the version of the newest installed kernel.
func newestKernel(root *os.Root) (string, error) {
	found, err := fs.Glob(root.FS(), modulesDir+"/*/vmlinuz")
	if err != nil {
		return "", err
	}
	var versions []string
	for _, f := range found {
		// A link is another name of a kernel that has its own.
		if info, err := root.Lstat(path.Dir(f)); err == nil && info.IsDir() {
			versions = append(versions, path.Base(path.Dir(f)))
		}
	}
	if len(versions) == 0 {
		return "", errors.New("no kernel is in the installed packages: a medium can't start without one, so add kernel to the kickstart's %packages")
	}
	return slices.MaxFunc(versions, CompareVersions), nil
}

// CompareVersions compares kernel versions number by number, so that 6.10 comes after 6.9.
func CompareVersions(a, b string) int {
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == '-' || r == '_' || r == '+' })
	}
	return slices.CompareFunc(split(a), split(b), func(x, y string) int {
		if len(x) != len(y) && strings.Trim(x+y, "0123456789") == "" {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	})
}

// hasModule reports whether dracut has a module: its folder is the module's name behind two digits.
func hasModule(root *os.Root, module string) bool {
	found, err := fs.Glob(root.FS(), dracutDir+"/[0-9][0-9]"+module)
	return err == nil && len(found) > 0
}

// needModules says which package to add when a module is missing, as dracut would not.
func needModules(root *os.Root, modules []string) error {
	for _, m := range modules {
		if !hasModule(root, m) {
			return fmt.Errorf("dracut has no module %s: %w", m, &MissingError{Globs: []string{dracutDir + "/??" + m}, Package: packageOf(m)})
		}
	}
	return nil
}

// packageOf is the package that brings a module of dracut.
func packageOf(module string) string {
	switch module {
	case "dmsquash-live", "livenet":
		return "dracut-live"
	}
	return "dracut"
}
