package pebble

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMirror(t *testing.T) {
	tree := func(arch, key string) Tree {
		root := t.TempDir()
		tr := Tree{Root: root, Arch: arch, Release: "9", Version: "9.6", KeyFile: filepath.Join(root, "9", "KEY")}
		for _, name := range []string{"BaseOS", "AppStream"} {
			dir := filepath.Join(root, "9", name, arch, "os")
			if err := os.MkdirAll(filepath.Join(dir, "repodata"), 0o755); err != nil {
				t.Fatal(err)
			}
			tr.Repos = append(tr.Repos, Repo{Name: name, Path: dir})
		}
		if err := os.WriteFile(tr.KeyFile, []byte(key), 0o644); err != nil {
			t.Fatal(err)
		}
		return tr
	}
	one, two, stranger := tree("x86_64", "k"), tree("s390x", "k"), tree("ppc64le", "other")
	dir := t.TempDir()
	for range 2 { // a second call finds the links of the first
		if err := Mirror(dir, one, two); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"9/BaseOS/x86_64/os/repodata", "9.6/BaseOS/s390x/os/repodata", "9.6/AppStream/s390x/os/repodata", "9.6/KEY"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := Mirror(t.TempDir(), one, stranger); err == nil {
		t.Error("a mirror has one key; two were taken")
	}
}
