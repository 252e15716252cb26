package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// tree makes a folder with files and goes there.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

func TestFind(t *testing.T) {
	dir := tree(t, map[string]string{"a.ks": "", "sub/b.ks": "", "sub/deep/c.ks": "", "sub/readme.txt": "", "empty/x": ""})
	if err := os.Symlink("sub", "linked"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		root string
		args []string
		want string // roots and names
		err  string
	}{
		{"", []string{"a.ks", "a.ks"}, "|a.ks", ""},
		{"", []string{"sub"}, "|sub/b.ks |sub/deep/c.ks", ""},
		{"", []string{"linked"}, "|linked/b.ks |linked/deep/c.ks", ""},
		{"", []string{"s*/*.ks"}, "|sub/b.ks", ""},
		{"", []string{"-"}, "|-", ""},
		{"", []string{dir + "/sub"}, dir + "/sub|b.ks " + dir + "/sub|deep/c.ks", ""},
		{"", []string{dir + "/sub/b.ks"}, dir + "/sub|b.ks", ""},
		{"sub", []string{"sub/b.ks"}, "sub|b.ks", ""},
		{"sub", []string{"a.ks"}, "", "isn't inside the root"},
		{"", []string{"nothing"}, "", "no file, folder or match"},
		{"", []string{"empty"}, "", "holds no file *.ks"},
		{"", []string{"["}, "", "syntax error"},
	} {
		found, err := Find(c.root, c.args)
		var got []string
		for _, in := range found {
			got = append(got, in.Root+"|"+in.Name)
		}
		if strings.Join(got, " ") != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q %q: %q %v, want %q %q", c.root, c.args, got, err, c.want, c.err)
		}
	}
}

func TestParse(t *testing.T) {
	tree(t, map[string]string{"k/a.ks": "#version=RHEL10\n%include b.ks\n%include ../c.ks\n", "k/b.ks": "lang beside\n", "c.ks": "skipx\n", "out/x": ""})
	file, err := Parse(t.Context(), Input{"", "k/a.ks"}, 0, nil)
	if err != nil || file.Version != kickstart.RHEL10 || file.Lang().System != "beside" || !file.SkipX() {
		t.Errorf("%v %v", file, err)
	}
	var problems kickstart.Problems
	if _, err = Parse(t.Context(), Input{"k", "a.ks"}, 0, nil); !errors.As(err, &problems) || !strings.Contains(err.Error(), "leaves the folder") {
		t.Errorf("an include leaves the root: %v", err)
	}
	file, err = Parse(t.Context(), Input{"", "-"}, kickstart.RHEL8, strings.NewReader("%include c.ks\n"))
	if err != nil || !file.SkipX() {
		t.Errorf("standard input: %v", err)
	}
}

func TestSymbolicLinksDontLeadOut(t *testing.T) {
	dir := tree(t, map[string]string{"root/a.ks": "%include link.ks\n", "secret.ks": "lang secret\n"})
	if err := os.Symlink("../secret.ks", filepath.Join(dir, "root/link.ks")); err != nil {
		t.Fatal(err)
	}
	if file, err := Parse(t.Context(), Input{"root", "a.ks"}, 0, nil); err == nil {
		t.Errorf("the link was followed out of the root:\n%s", file)
	}
}
