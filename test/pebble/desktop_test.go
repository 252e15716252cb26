package pebble

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/test/shared"
)

// liveKickstarts are the desktops' kickstarts of release 9, by path, with the architecture that each is for: the flattened ones
// name boot loaders of x86_64, the split ones are there for each architecture.
func liveKickstarts() map[string]string {
	all := map[string]string{}
	for _, name := range []string{"XFCE", "KDE", "MATE", "Cinnamon", "Workstation", "Workstation-Lite"} {
		all["Rocky-9-"+name+".ks"] = "x86_64"
		for _, a := range []string{"x86_64", "aarch64"} {
			for _, stage := range []string{"prod", "stage", "peridot"} {
				all[fmt.Sprintf("live/9/%s/%s/rocky-live-%s.ks", a, stage, strings.ToLower(name))] = a
			}
		}
	}
	return all
}

// Every package and group that a live kickstart names is in a repository that it names, too, in a tree with desktops.
func TestLiveKickstarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r9")
	bundle := filepath.Join(shared.Dir(t), "data", "rocky-kickstarts.bundle")
	if err := command.Run(t.Context(), command.Cmd{Args: []string{"git", "clone", "-q", "-b", "r9", bundle, dir}}); err != nil {
		t.Fatal(err)
	}
	d := desktops(t)
	for name, a := range liveKickstarts() {
		t.Run(name, func(t *testing.T) {
			ks := parseTree(t, dir, name)
			repos := []string{"baseos"}
			for _, r := range ks.Repos() {
				id := strings.ToLower(r.Name)
				if !slices.ContainsFunc(d.Repositories, func(o repository) bool { return o.ID == id && o.on(a) }) {
					t.Errorf("there is no repository %s", r.Name)
				}
				repos = append(repos, id)
			}
			set := ks.Packages.Set()
			for _, g := range set.Groups {
				if !slices.ContainsFunc(d.comps.Groups, func(o group) bool { return o.ID == g.Name }) {
					t.Errorf("there is no group %s", g.Name)
				}
			}
			if e := set.Environment; e != "" && !slices.ContainsFunc(d.comps.Environments, func(o environment) bool { return o.ID == e }) {
				t.Errorf("there is no environment %s", e)
			}
			have := d.namesIn(a, repos)
			for _, p := range set.Packages {
				if !slices.ContainsFunc(have, func(name string) bool { ok, _ := path.Match(p, name); return ok }) {
					t.Errorf("there is no package %s on %s in %v", p, a, repos)
				}
			}
		})
	}
}

// desktops are the declarations with their desktop part.
func desktops(t *testing.T) declarations {
	t.Helper()
	d, err := load(true)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// namesIn are the names that the packages of some repositories have or provide.
func (d declarations) namesIn(a string, repos []string) []string {
	names := []string{"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"}
	for _, r := range d.Packages {
		if r.on(a) && slices.Contains(repos, r.repo()) {
			names = append(append(names, r.Name), r.Provides...)
		}
	}
	return names
}

// parseTree reads a kickstart with what it includes.
func parseTree(t *testing.T, dir, name string) *kickstart.File {
	t.Helper()
	src, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	version, err := kickstart.ParseVersion("rhel9")
	if err != nil {
		t.Fatal(err)
	}
	ks, err := kickstart.Parse(name, src, kickstart.Options{Version: version, Includes: os.DirFS(dir)})
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// Groups have members that are packages; files of the desktop part belong to a package of that part.
func TestDesktopDeclarations(t *testing.T) {
	d := desktops(t)
	for _, a := range []string{"x86_64", "aarch64"} {
		if _, err := d.comps.xmlFor(a, d.names(a)); err != nil {
			t.Error(err)
		}
	}
	mine := map[string]bool{}
	for _, r := range d.Packages {
		mine[r.Name] = r.desktop
	}
	entries, err := fs.ReadDir(data, desktopDir+"/files")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !mine[e.Name()] {
			t.Errorf("%s/files/%s belongs to no package of the desktops", desktopDir, e.Name())
		}
	}
}

// A tree without desktops knows nothing of them, and its name does not change with them.
func TestWithoutDesktops(t *testing.T) {
	d := declared(t)
	if have := d.names("x86_64"); have["lightdm"] || have["dracut-live"] {
		t.Error("the plain declarations have packages of the desktops")
	}
	if kernel := d.Platforms["x86_64"].Kernel; kernel != "linux-image-cloud-amd64" {
		t.Errorf("the plain kernel is %s", kernel)
	}
	plain, err := codeDigest(false)
	if err != nil {
		t.Fatal(err)
	}
	with, err := codeDigest(true)
	if err != nil {
		t.Fatal(err)
	}
	if plain == with {
		t.Error("the desktop part is not in the digest of a tree that has it")
	}
}
