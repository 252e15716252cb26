package pebble

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/test/shared"
)

// The trees that the other tests use hold what is declared for their architecture, and nothing that is declared to be missing there.
func TestTree(t *testing.T) {
	root := os.Getenv("QUARRY_PEBBLE")
	if root == "" {
		shared.Missing(t, "no tree: set QUARRY_PEBBLE to one, or use make test")
	}
	checkTrees(t, declared(t), root)
}

func TestDesktopTree(t *testing.T) {
	root := os.Getenv("QUARRY_PEBBLE_DESKTOP")
	if root == "" {
		shared.Missing(t, "QUARRY_PEBBLE_DESKTOP names no tree with desktops; `make pebble DESKTOP=1` makes one, and make test does")
	}
	checkTrees(t, desktops(t), root)
}

func checkTrees(t *testing.T, d declarations, root string) {
	found := false
	for _, a := range arch.All() {
		if _, err := os.Stat(filepath.Join(root, d.Repositories[0].below(a.Name))); err == nil {
			found = true
			t.Run(a.Name, func(t *testing.T) { checkTree(t, d, a, root) })
		}
	}
	if !found {
		t.Errorf("%s holds no tree of any architecture", root)
	}
}

func checkTree(t *testing.T, d declarations, a arch.Arch, root string) {
	have := map[string]string{} // package → repository
	for _, r := range d.Repositories {
		dir := filepath.Join(root, r.below(a.Name))
		for _, name := range []string{"repomd.xml", "repomd.xml.asc"} {
			if _, err := os.Stat(filepath.Join(dir, "repodata", name)); (err == nil) != r.on(a.Name) {
				t.Errorf("repository %s: %s: %v, declared: %v", r.ID, name, err, r.on(a.Name))
			}
		}
		rpms, err := filepath.Glob(filepath.Join(dir, "Packages", "*", "*.rpm"))
		if err != nil {
			t.Fatal(err)
		}
		for _, rpm := range rpms {
			have[packageName(filepath.Base(rpm))] = r.ID
		}
	}
	for _, r := range d.Packages {
		switch where, ok := have[r.Name]; {
		case ok != r.on(a.Name):
			t.Errorf("package %s is there: %v, declared: %v", r.Name, ok, r.on(a.Name))
		case ok && where != r.repo():
			t.Errorf("package %s is in %s and not in %s", r.Name, where, r.repo())
		}
	}
	for _, f := range a.Firmware {
		for _, name := range f.Loader {
			if have[name] == "" {
				t.Errorf("no boot loader package %s", name)
			}
		}
	}
	base := filepath.Join(root, d.Repositories[0].below(a.Name))
	info, err := os.ReadFile(filepath.Join(base, ".treeinfo"))
	if err != nil {
		t.Fatal(err)
	}
	images := d.Platforms[a.Name].Images
	for key, name := range map[string]string{"kernel": images.Kernel, "initrd": images.Initrd, "mainimage": stage2Image} {
		if !strings.Contains(string(info), "\n"+key+" = "+name+"\n") {
			t.Errorf(".treeinfo does not say %s = %s", key, name)
		}
		if file, err := os.Stat(filepath.Join(base, name)); err != nil || file.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// packageName is what stands before the version and the release.
func packageName(file string) string {
	for range 2 {
		file = file[:max(strings.LastIndex(file, "-"), 0)]
	}
	return file
}
