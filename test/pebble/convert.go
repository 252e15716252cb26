package pebble

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
)

// A pkg is one RPM to be: everything but its files, which are only read when it is made.
type pkg struct {
	Name, Version, Release, Arch string
	Summary, Description, URL    string
	Requires, Recommends         []string
	Provides, Conflicts          []string
	Rule                         rule
	Debs                         []deb
	Own                          digest.Digest // of the files under data/files/NAME

	kept      *keptFiles // for the installer's packages, else nil
	conffiles map[string]bool
	drop      []string
	bigEndian bool
}

// epoch is the time stamp of what Pebble makes itself, in Unix seconds: 1 June 2025. It is fixed, so that packages can be made
// again bit by bit.
const epoch = 1748736000

// convert makes the packages of one architecture from its Debian closure and the rules.
func (d declarations) convert(ctx context.Context, a arch.Arch, debs []deb, jobs int) ([]pkg, error) {
	controls := make([]control, len(debs))
	err := each(ctx, jobs, len(debs), func(ctx context.Context, i int) (err error) {
		controls[i], err = readControl(ctx, debs[i].Path)
		return err
	})
	if err != nil {
		return nil, err
	}
	rules := d.rules(a, controls)
	names := newNameTable(d, rules, controls)
	byDeb := map[string]int{}
	for i, c := range controls {
		byDeb[c.Package] = i
	}
	var out []pkg
	for _, r := range rules {
		p, err := d.plan(r, names, byDeb, controls, debs, a)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(x, y pkg) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

// rules are the declared rules of the architecture and a plain one for each other package of the closure.
func (d declarations) rules(a arch.Arch, controls []control) []rule {
	claimed := map[string]bool{}
	for _, name := range d.Leave {
		claimed[name] = true
	}
	claimed[d.Platforms[a.Name].Kernel] = true
	var out []rule
	for _, r := range d.Packages {
		if !r.on(a.Name) {
			continue
		}
		for _, name := range r.Debs {
			claimed[name] = true
		}
		out = append(out, r)
	}
	if k, c, ok := findKernel(controls, a); ok {
		claimed[c.Package] = true
		out = append(out, kernelRules(k, c, a, d.Platforms[a.Name].Keep)...)
	}
	for _, c := range controls {
		if !claimed[c.Package] {
			out = append(out, rule{Name: c.Package, Debs: []string{c.Package}})
		}
	}
	return out
}

func (d declarations) plan(r rule, names nameTable, byDeb map[string]int, controls []control, debs []deb, a arch.Arch) (pkg, error) {
	p := pkg{Name: r.Name, Version: version, Release: "1.el" + release, Arch: "noarch", Summary: r.Summary, Rule: r,
		conffiles: map[string]bool{}, drop: d.Drop,
		Requires: slices.Clone(r.Requires), Recommends: r.Recommends, Provides: slices.Clone(r.Provides), Conflicts: r.Conflicts}
	if r.StandIn {
		p.Summary = "Empty stand-in (Pebble): " + r.Name
		if r.Summary != "" {
			p.Summary = "Empty stand-in (Pebble): " + r.Summary
		}
	}
	p.bigEndian = a.Name == "s390x"
	for n, name := range r.Debs {
		i, ok := byDeb[name]
		if !ok {
			return p, fmt.Errorf("package %s is declared to come from Debian's %s, which is not in the closure for %s", r.Name, name, a.Debian)
		}
		c := controls[i]
		p.Debs = append(p.Debs, debs[i])
		if n == 0 {
			p.Version, p.Release = rpmVersion(c.Version)
			p.URL, p.Description = c.Homepage, c.Description
			if p.Summary == "" {
				p.Summary = c.Summary
			}
		}
		if c.Architecture != "all" {
			p.Arch = a.Name
		}
		for path := range c.conffiles {
			p.conffiles[path] = true
		}
		if r.kernel == nil {
			p.Requires = append(p.Requires, names.requires(c)...)
		}
		if r.kernel == nil {
			p.Provides = append(p.Provides, slices.DeleteFunc(slices.Clone(c.Provides), func(n string) bool { return names.taken[n] })...)
		}
		if !names.taken[name] && (r.kernel == nil || r.Name == "kernel-core") {
			p.Provides = append(p.Provides, name)
		}
	}
	if len(r.Debs) > 0 && r.Name != "setup" {
		p.Requires = append(p.Requires, "filesystem")
	}
	p.Requires = tidy(p.Requires, p.Name, p.Provides)
	p.Provides = tidy(p.Provides, p.Name, nil)
	sub, err := fs.Sub(data, r.files())
	if err != nil {
		return p, err
	}
	p.Own, err = ownDigest(sub)
	return p, err
}

// tidy sorts names, drops doubles, the package's own name and what it provides itself.
func tidy(names []string, self string, provides []string) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(n string) bool { return n == self || n == "" || slices.Contains(provides, n) })
}

// keptFiles are files that are needed twice: for the package and for the installer. Unpacking is most of the work.
type keptFiles struct {
	once  sync.Once
	files files
	err   error
}

// load returns the package's files with Python's byte code. The caller may change the map.
func (p pkg) load(ctx context.Context) (files, error) {
	if p.kept == nil {
		return p.read(ctx)
	}
	p.kept.once.Do(func() { p.kept.files, p.kept.err = p.read(ctx) })
	return maps.Clone(p.kept.files), p.kept.err
}

// read unpacks the package's files and changes them as its rule says.
func (p pkg) read(ctx context.Context) (files, error) {
	all := files{}
	for _, d := range p.Debs {
		if err := readFiles(ctx, d.Path, filter{p.drop, p.Rule.Keep}, p.conffiles, all); err != nil {
			return nil, err
		}
	}
	if k := p.Rule.kernel; k != nil {
		all = k.split(p.Name, all)
	}
	if err := p.Rule.arrange(all); err != nil {
		return nil, err
	}
	if err := ownFiles(p.Rule.files(), all); err != nil {
		return nil, err
	}
	if err := p.generate(ctx, all); err != nil {
		return nil, fmt.Errorf("package %s: %w", p.Name, err)
	}
	if err := p.Rule.finish(all); err != nil {
		return nil, err
	}
	if err := compilePython(ctx, all); err != nil {
		return nil, fmt.Errorf("package %s: %w", p.Name, err)
	}
	return all, nil
}

var debVersion = regexp.MustCompile(`^(?:\d+:)?(.*?)(?:-([^-]*))?$`)

// rpmVersion splits a Debian version into RPM's version and release. The epoch is dropped: Pebble has one version of everything.
func rpmVersion(v string) (version, release string) {
	m := debVersion.FindStringSubmatch(v)
	version, release = strings.ReplaceAll(m[1], "-", "."), m[2]
	if release == "" {
		release = "1"
	}
	return version, release
}

// A nameTable says what a Debian dependency is called in Pebble.
type nameTable struct {
	el       map[string]string // Debian package → EL name, for the packages of the closure
	provided map[string]bool   // virtual names that something in the closure provides
	ignore   map[string]bool
	taken    map[string]bool // names of EL packages: no other package provides one of them only because Debian calls it so
}

func newNameTable(d declarations, rules []rule, controls []control) nameTable {
	t := nameTable{el: map[string]string{}, provided: map[string]bool{}, ignore: map[string]bool{}, taken: map[string]bool{}}
	for _, r := range rules {
		t.taken[r.Name] = true
		for _, name := range r.Debs {
			if _, ok := t.el[name]; !ok {
				t.el[name] = r.Name
			}
		}
	}
	for _, c := range controls {
		if _, ok := t.el[c.Package]; ok {
			for _, name := range c.Provides {
				t.provided[name] = true
			}
		}
	}
	for _, name := range slices.Concat(d.Ignore, d.Leave) {
		t.ignore[name] = true
	}
	return t
}

// requires are the package's dependencies: of each the first alternative that the closure has. Versions are left out: apt has
// chosen the one version of everything, and the two worlds order versions differently.
func (t nameTable) requires(c control) []string {
	var out []string
next:
	for _, rel := range c.Depends {
		for _, p := range rel.Possibilities {
			if t.ignore[p.Name] {
				continue next
			}
			if name, ok := t.el[p.Name]; ok {
				out = append(out, name)
				continue next
			}
		}
		for _, p := range rel.Possibilities {
			if t.provided[p.Name] {
				out = append(out, p.Name)
				continue next
			}
		}
	}
	return out
}

// files is the folder of the files that the package brings from here.
func (r rule) files() string {
	if r.desktop {
		return desktopDir + "/files/" + r.Name
	}
	return "data/files/" + r.Name
}

// ownFiles adds the files under root; those that begin with "#!" are programs.
func ownFiles(root string, into files) error {
	return fs.WalkDir(data, root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if p == root {
				return nil
			}
			return err
		}
		text, err := data.ReadFile(p)
		if err != nil {
			return err
		}
		to := strings.TrimPrefix(p, root)
		mode := uint32(0o644)
		if strings.HasPrefix(string(text), "#!") {
			mode = 0o755
		}
		into.add(file{Path: to, Mode: typeFile | mode, MTime: epoch, Body: text, Config: strings.HasPrefix(to, "/etc/")})
		return nil
	})
}

func ownDigest(dir fs.FS) (digest.Digest, error) {
	sums := map[string]digest.Digest{}
	err := fs.WalkDir(dir, ".", func(p string, e fs.DirEntry, err error) error {
		if p == "." && err != nil {
			return fs.SkipAll
		}
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(dir, p)
		sums[path.Clean(p)] = digest.Bytes(text)
		return err
	})
	if err != nil {
		return "", err
	}
	return digest.JSON(sums)
}
