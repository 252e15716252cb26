package pebble

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/strictyaml"
)

// data is everything that is declared, and the sources of this package: both together are what a tree is made from.
//
//go:embed all:data *.go
var data embed.FS

// The release of Enterprise Linux that Pebble looks like.
const (
	release = "9"
	version = "9.6"
)

// A platform is what one architecture needs from the archive.
type platform struct {
	// None says why there is no Pebble for the architecture; then nothing else is set.
	None    string   `yaml:"none"`
	Kernel  string   `yaml:"kernel"`  // Debian's kernel meta package; without one there is no installer
	Keep    []string `yaml:"keep"`    // patterns of the kernel's paths that are kept although they match Drop
	Modules []string `yaml:"modules"` // kernel modules of the installer's initrd, with their soft dependencies
	// Platforms are the names after "platforms =" in .treeinfo.
	Platforms string `yaml:"platforms"`
	// Images are the places of the installer's kernel and initrd below the tree, where a release of Enterprise Linux has them.
	Images struct {
		Kernel string `yaml:"kernel"`
		Initrd string `yaml:"initrd"`
	} `yaml:"images"`
}

// A user is made by a package before its files are unpacked, as EL's packages do with sysusers.
type user struct {
	Name  string `yaml:"name"`
	UID   int    `yaml:"uid"` // 0 lets useradd choose a system id
	Home  string `yaml:"home"`
	Gecos string `yaml:"gecos"`
	Group bool   `yaml:"group"` // a group and no user
}

// A rule is how one EL package is made: from Debian packages, from the files under data/files/NAME, or from nothing.
type rule struct {
	Name    string   `yaml:"name"`
	Debs    []string `yaml:"debs"`
	Arches  []string `yaml:"arches"` // RPM's architectures that have it; empty is all
	Summary string   `yaml:"summary"`
	StandIn bool     `yaml:"standin"` // empty, and its summary says so
	Repo    string   `yaml:"repo"`    // the repository's id; empty is baseos
	Stage2  bool     `yaml:"stage2"`  // in the installer, with all that it requires

	Requires   []string `yaml:"requires"`
	Recommends []string `yaml:"recommends"`
	Provides   []string `yaml:"provides"`
	Conflicts  []string `yaml:"conflicts"`

	Drop  []string          `yaml:"drop"`  // patterns of paths; a folder's pattern takes all below it
	Keep  []string          `yaml:"keep"`  // patterns of paths that are kept although all packages drop them
	Move  map[string]string `yaml:"move"`  // from → to
	Copy  map[string]string `yaml:"copy"`  // from → more places, separated by blanks
	Links map[string]string `yaml:"links"` // path → target
	// Modes sets "MODE [OWNER:GROUP [CAPABILITIES]]"; a path that ends in "/" makes that folder.
	Modes map[string]string `yaml:"modes"`
	Ghost []string          `yaml:"ghost"` // owned, but not in the payload
	// Fakes are files that hold nothing but a line that says so: firmware of boards, which nothing here starts.
	Fakes []string `yaml:"fakes"`

	Users []user `yaml:"users"`
	// Scriptlets, for /bin/sh. What the package's own files ask for (units, users) is added to them.
	Pre       string `yaml:"pre"`
	Post      string `yaml:"post"`
	Preun     string `yaml:"preun"`
	Postun    string `yaml:"postun"`
	Posttrans string `yaml:"posttrans"`

	kernel  *kernel // set for the kernel's packages, which are all made of one .deb
	desktop bool    // declared in the desktop part, where its own files are, too
}

// repo is the id of the package's repository.
func (r rule) repo() string {
	if r.Repo == "" {
		return "baseos"
	}
	return r.Repo
}

func (r rule) on(a string) bool { return len(r.Arches) == 0 || slices.Contains(r.Arches, a) }

// A repository is where packages are, below the tree. The ids are those that kickstarts have for them.
type repository struct {
	ID     string   `yaml:"id"`
	Name   string   `yaml:"name"`
	Path   string   `yaml:"path"`   // relative, with $release and $basearch
	Arches []string `yaml:"arches"` // RPM's architectures that have it; empty is all
}

func (r repository) on(a string) bool { return len(r.Arches) == 0 || slices.Contains(r.Arches, a) }

// below is the repository's path below a tree's root.
func (r repository) below(arch string) string {
	return strings.NewReplacer("$release", release, "$basearch", arch).Replace(r.Path)
}

// Declarations are the tables under data/.
type declarations struct {
	Platforms map[string]platform `yaml:"platforms"`
	// Repositories are those of the tree; the first one has the groups and the installer.
	Repositories []repository `yaml:"repositories"`
	// Seeds are Debian packages that the closure starts from although no rule names them.
	Seeds []string `yaml:"seeds"`
	// Ignore are Debian dependencies that mean nothing in an RPM world.
	Ignore []string `yaml:"ignore"`
	// Leave are Debian packages of the closure that become no RPM.
	Leave []string `yaml:"leave"`
	// Drop are patterns of paths that no package keeps.
	Drop     []string `yaml:"drop"`
	Packages []rule   `yaml:"packages"`
	// StandIns are packages that are empty and nothing else, by repository.
	StandIns map[string][]string `yaml:"standins"`

	comps comps
}

// desktopDir holds the declarations that only a tree with desktops has, in the same form as those beside it.
const desktopDir = "data/desktop"

// load reads the declarations, strictly; those of the desktop part only when they are asked for.
func load(desktop bool) (declarations, error) {
	var d declarations
	dirs := []string{"data"}
	if desktop {
		dirs = append(dirs, desktopDir)
	}
	for _, dir := range dirs {
		names, err := fs.Glob(data, dir+"/*.yaml")
		if err != nil {
			return d, err
		}
		for _, name := range names {
			part, err := decode(name)
			if err != nil {
				return d, err
			}
			d.add(part, dir == desktopDir)
		}
	}
	return d, d.check()
}

func decode(name string) (part declarations, err error) {
	text, err := data.ReadFile(name)
	if err != nil {
		return part, err
	}
	var into any = &part
	if path.Base(name) == "comps.yaml" {
		into = &part.comps
	}
	if err := strictyaml.Decode(name, text, into); err != nil {
		return part, fmt.Errorf("read declarations: %w", err)
	}
	return part, nil
}

// add adds the declarations of one file. The desktop part changes a platform's kernel and what is kept of it, and replaces groups;
// everything else is added.
func (d *declarations) add(part declarations, desktop bool) {
	for name, p := range part.Platforms {
		if base, ok := d.Platforms[name]; ok {
			base.Kernel, base.Keep = p.Kernel, p.Keep
			p = base
		}
		if d.Platforms == nil {
			d.Platforms = map[string]platform{}
		}
		d.Platforms[name] = p
	}
	d.Repositories = append(d.Repositories, part.Repositories...)
	d.Seeds = append(d.Seeds, part.Seeds...)
	d.Ignore = append(d.Ignore, part.Ignore...)
	d.Leave = append(d.Leave, part.Leave...)
	d.Drop = append(d.Drop, part.Drop...)
	for _, r := range part.Packages {
		r.desktop = desktop
		d.Packages = append(d.Packages, r)
	}
	for _, repo := range slices.Sorted(maps.Keys(part.StandIns)) {
		for _, name := range part.StandIns[repo] {
			d.Packages = append(d.Packages, rule{Name: name, Repo: repo, StandIn: true, desktop: desktop})
		}
	}
	for _, g := range part.comps.Groups {
		d.comps.Groups = append(slices.DeleteFunc(d.comps.Groups, func(old group) bool { return old.ID == g.ID }), g)
	}
	d.comps.Environments = append(d.comps.Environments, part.comps.Environments...)
}

func (d declarations) check() error {
	for _, a := range arch.Names() {
		if _, ok := d.Platforms[a]; !ok {
			return fmt.Errorf("declarations: nothing is said about %s; declare its platform, or why it has none", a)
		}
		seen := map[string]string{}
		for _, r := range d.Packages {
			if !r.on(a) {
				continue
			}
			for _, key := range append([]string{"rpm " + r.Name}, prefixed("deb ", r.Debs)...) {
				if other, dup := seen[key]; dup && !(strings.HasPrefix(key, "deb ")) {
					return fmt.Errorf("declarations: %s stands twice on %s, in %s and %s", key, a, other, r.Name)
				}
				seen[key] = r.Name
			}
			if !slices.ContainsFunc(d.Repositories, func(o repository) bool { return o.ID == r.repo() && o.on(a) }) {
				return fmt.Errorf("declarations: %s is in %q, which is no repository on %s", r.Name, r.repo(), a)
			}
			if r.StandIn && len(r.Debs) > 0 {
				return fmt.Errorf("declarations: %s is a stand-in and made of %v: it can't be both", r.Name, r.Debs)
			}
		}
	}
	return nil
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}

// codeDigest digests the declarations and this package's own sources, or only the named ones. The desktop part counts only for
// a tree that has it.
func codeDigest(desktop bool, only ...string) (digest.Digest, error) {
	sums := map[string]digest.Digest{}
	err := fs.WalkDir(data, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		if !desktop && strings.HasPrefix(name, desktopDir+"/") {
			return nil
		}
		if len(only) > 0 && !slices.Contains(only, name) {
			return nil
		}
		text, err := data.ReadFile(name)
		sums[name] = digest.Bytes(text)
		return err
	})
	if err != nil {
		return "", err
	}
	return digest.JSON(sums)
}
