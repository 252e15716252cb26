package pebble

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// File types and permissions as in a Unix mode.
const (
	typeMask = 0o170000
	typeDir  = 0o040000
	typeFile = 0o100000
	typeLink = 0o120000
)

// A file is one file, folder or symbolic link of a package, held in memory while its package is made.
type file struct {
	Path   string // absolute, below the merged /usr
	Mode   uint32 // type and permissions
	Owner  string
	Group  string
	MTime  int64
	Body   []byte // a link's target for a link
	Config bool   // %config(noreplace)
	Ghost  bool
	Caps   string // file capabilities in their text form
}

func (f file) is(kind uint32) bool { return f.Mode&typeMask == kind }

// files are a package's files by path.
type files map[string]file

func (f files) add(x file) {
	if x.Owner == "" {
		x.Owner = "root"
	}
	if x.Group == "" {
		x.Group = "root"
	}
	f[x.Path] = x
}

// have reports whether there is a file whose path begins with prefix.
func (f files) have(prefix string) bool {
	for p := range f {
		if strings.HasPrefix(p, prefix) {
			return true
		}
	}
	return false
}

func (f files) sorted() []file {
	out := make([]file, 0, len(f))
	for _, x := range f {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// merge moves a path below the merged /usr: EL and today's Debian have /bin, /sbin and /lib* as links there.
func merge(p string) string {
	p = path.Clean("/" + p)
	for _, top := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		if p == top || strings.HasPrefix(p, top+"/") {
			return "/usr" + p
		}
	}
	return p
}

// matches reports whether p or a folder above it matches one of the patterns.
func matches(patterns []string, p string) bool {
	for q := p; q != "/" && q != "."; q = path.Dir(q) {
		for _, pattern := range patterns {
			if ok, _ := path.Match(pattern, q); ok {
				return true
			}
		}
	}
	return false
}

// A filter chooses paths: those that match drop are left out, but not if they match keep, too.
type filter struct{ drop, keep []string }

func (f filter) takes(p string) bool { return !matches(f.drop, p) || matches(f.keep, p) }

// arrange drops, copies, moves and links files as the rule says.
func (r rule) arrange(f files) error {
	for p := range f {
		if matches(r.Drop, p) {
			delete(f, p)
		}
	}
	for from, places := range r.Copy {
		for _, to := range strings.Fields(places) {
			x, ok := f[from]
			if !ok {
				return fmt.Errorf("package %s has no %s to copy", r.Name, from)
			}
			x.Path = to
			f.add(x)
		}
	}
	for from, to := range r.Move {
		x, ok := f[from]
		if !ok {
			return fmt.Errorf("package %s has no %s to move", r.Name, from)
		}
		delete(f, from)
		x.Path = to
		f.add(x)
	}
	for _, p := range r.Fakes {
		f.add(file{Path: p, Mode: typeFile | 0o644, Body: []byte("Pebble, a test fixture: stands for the real " + path.Base(p) + ".\n"), MTime: epoch})
	}
	for p, target := range r.Links {
		f.add(file{Path: p, Mode: typeLink | 0o777, Body: []byte(target), MTime: epoch})
	}
	return nil
}

// finish sets modes and owners and adds what is owned without being in the payload.
func (r rule) finish(f files) error {
	for p, spec := range r.Modes {
		if err := f.setMode(p, spec); err != nil {
			return fmt.Errorf("package %s: %w", r.Name, err)
		}
	}
	for _, p := range r.Ghost {
		f.add(file{Path: p, Mode: typeFile | 0o644, Ghost: true, MTime: epoch})
	}
	return nil
}

// setMode applies "MODE [OWNER:GROUP [CAPABILITIES]]".
func (f files) setMode(p, spec string) error {
	words := strings.Fields(spec)
	if len(words) == 0 {
		return fmt.Errorf("no mode for %s", p)
	}
	mode, err := strconv.ParseUint(words[0], 8, 16)
	if err != nil {
		return fmt.Errorf("mode %q of %s: %w", words[0], p, err)
	}
	if dir, isDir := strings.CutSuffix(p, "/"); isDir {
		f.add(file{Path: dir, Mode: typeDir, MTime: epoch})
		p = dir
	}
	x, ok := f[p]
	if !ok {
		return fmt.Errorf("no file %s to set the mode of", p)
	}
	x.Mode = x.Mode&typeMask | uint32(mode)
	if len(words) > 1 {
		owner, group, ok := strings.Cut(words[1], ":")
		if !ok {
			return fmt.Errorf("owner %q of %s is not OWNER:GROUP", words[1], p)
		}
		x.Owner, x.Group = owner, group
	}
	if len(words) > 2 {
		x.Caps = words[2]
	}
	f[p] = x
	return nil
}
