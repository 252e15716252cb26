package pebble

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/test/golden"
	"github.com/quarry-project/quarry/test/shared"
)

// cloudKickstarts are those of the images that are built from Pebble, and on which architectures.
func cloudKickstarts() map[string][]string {
	all, two, arm := []string{"x86_64", "aarch64", "ppc64le", "s390x"}, []string{"x86_64", "aarch64"}, []string{"aarch64"}
	return map[string][]string{
		"GenericCloud-Base": all, "GenericCloud-LVM": all, "EC2-Base": two, "EC2-LVM": two, "Azure-Base": two, "Azure-LVM": two, "OCP-Base": two,
		"Vagrant-Libvirt": two, "Vagrant-Vbox": {"x86_64"}, "Vagrant-VMware": {"x86_64"},
		"Container-Base": all, "Container-Minimal": all, "Container-UBI": all, "RPI-Base": arm, "GenericArm-Minimal": arm,
	}
}

// The kickstarts of release 9 name packages, groups and repositories; all of them are declared.
func TestKickstarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r9")
	bundle := filepath.Join(shared.Dir(t), "data", "rocky-kickstarts.bundle")
	if err := command.Run(t.Context(), command.Cmd{Args: []string{"git", "clone", "-q", "-b", "r9", bundle, dir}}); err != nil {
		t.Fatal(err)
	}
	d := declared(t)
	groups := map[string]bool{}
	for _, g := range d.comps.Groups {
		groups[g.ID] = true
	}
	// The release's own, under the other names that kickstarts have for them.
	known := []string{"rockyextras", "rocky9-baseos", "rocky9-appstream", "rocky9-powertools"}
	for _, r := range d.Repositories {
		known = append(known, strings.ToLower(r.ID))
	}
	for name, arches := range cloudKickstarts() {
		ks := parse(t, filepath.Join(dir, "Rocky-9-"+name+".ks"))
		for _, repo := range ks.Repos() {
			if !slices.Contains(known, strings.ToLower(repo.Name)) {
				t.Errorf("%s: there is no repository %s", name, repo.Name)
			}
		}
		set := ks.Packages.Set()
		for _, g := range set.Groups {
			if !groups[g.Name] {
				t.Errorf("%s: there is no group %s", name, g.Name)
			}
		}
		for _, a := range arches {
			have := d.names(a)
			for _, p := range set.Packages {
				if !have[p] {
					t.Errorf("%s on %s: there is no package %s", name, a, p)
				}
			}
		}
	}
}

func parse(t *testing.T, name string) *kickstart.File {
	t.Helper()
	src, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	version, err := kickstart.ParseVersion("rhel9")
	if err != nil {
		t.Fatal(err)
	}
	ks, err := kickstart.Parse(filepath.Base(name), src, kickstart.Options{Version: version})
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// names are those that an architecture's packages have or provide, the kernel's among them.
func (d declarations) names(a string) map[string]bool {
	have := map[string]bool{"kernel": true, "kernel-core": true, "raspberrypi2-kernel4": a == "aarch64"}
	for _, r := range d.Packages {
		if r.on(a) {
			have[r.Name] = true
			for _, p := range r.Provides {
				have[p] = true
			}
		}
	}
	return have
}

// What an architecture lacks is declared: the list is here for whoever changes it.
func TestLacks(t *testing.T) {
	d := declared(t)
	for a, p := range d.Platforms {
		if p.None != "" {
			continue
		}
		var lines []string
		for _, r := range d.Packages {
			if !r.on(a) {
				lines = append(lines, "package "+r.Name+"\n")
			}
		}
		for _, r := range d.Repositories {
			if !r.on(a) {
				lines = append(lines, "repository "+r.ID+"\n")
			}
		}
		slices.Sort(lines)
		golden.Equal(t, "lacks-"+a+".txt", strings.Join(lines, ""))
	}
}

// Each architecture has the boot loader packages that its images ask for.
func TestLoaders(t *testing.T) {
	d := declared(t)
	for _, a := range arch.All() {
		if d.Platforms[a.Name].None != "" {
			continue
		}
		have := d.names(a.Name)
		for _, f := range a.Firmware {
			for _, name := range f.Loader {
				if !have[name] {
					t.Errorf("%s has no %s", a.Name, name)
				}
			}
		}
	}
}
