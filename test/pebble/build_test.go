package pebble

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/test/shared"
)

// small are declarations of a few packages without a kernel: enough to go all the way from the archive to a signed repository.
func small(t *testing.T) declarations {
	t.Helper()
	d := declared(t)
	keep := map[string]bool{}
	for _, name := range strings.Fields("setup filesystem bash hostname glibc glibc-common ncurses-libs ca-certificates") {
		keep[name] = true
	}
	var rules []rule
	for _, r := range d.Packages {
		if keep[r.Name] {
			rules = append(rules, r)
		}
	}
	x := d.Platforms["x86_64"]
	x.Kernel = ""
	d.Platforms = map[string]platform{"x86_64": x}
	d.Packages = rules
	d.comps = comps{}
	return d
}

func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := command.Output(context.Background(), command.Cmd{Args: args})
	return string(out), err
}

func TestBuild(t *testing.T) {
	for _, tool := range []string{"apt-get", "dpkg-deb", "createrepo_c", "rpm", "rpmkeys"} {
		if _, err := exec.LookPath(tool); err != nil {
			shared.Missing(t, "Pebble is only built where Debian's tools are: %v", err)
		}
	}
	cache := t.TempDir()
	fresh := func() *build {
		b, err := newBuild(Options{Cache: cache, Arch: "x86_64"})
		if err != nil {
			t.Fatal(err)
		}
		b.decl = small(t)
		return b
	}
	tree, err := fresh().run(t.Context())
	if err != nil {
		shared.Missing(t, "the Debian archive can't be used here: %v", err)
	}
	base := tree.Repos[0].Path
	rpms, err := filepath.Glob(filepath.Join(base, "Packages", "*", "*.rpm"))
	if err != nil || len(rpms) < 8 {
		t.Fatalf("packages: %v %v", rpms, err)
	}

	t.Run("signatures", func(t *testing.T) {
		db := t.TempDir()
		check := append([]string{"rpmkeys", "--dbpath", db, "--checksig"}, rpms...)
		if out, err := output(t, check...); err == nil {
			t.Errorf("accepted without the key: %s", out)
		}
		if _, err := output(t, "rpmkeys", "--dbpath", db, "--import", tree.KeyFile); err != nil {
			t.Fatal(err)
		}
		if out, err := output(t, check...); err != nil {
			t.Errorf("refused with the key: %v %s", err, out)
		}
	})
	t.Run("header", func(t *testing.T) {
		bash, err := filepath.Glob(filepath.Join(base, "Packages/b/bash-*.rpm"))
		if err != nil || len(bash) != 1 {
			t.Fatal(bash, err)
		}
		out, err := output(t, "rpm", "--nosignature", "-qp", "--requires", "--provides", "-l", bash[0])
		if err != nil {
			t.Fatal(err)
		}
		lines := "\n" + out
		for _, want := range []string{"glibc", "filesystem", "/bin/sh", "/usr/bin/bash", "/usr/bin/sh"} {
			if !strings.Contains(lines, "\n"+want+"\n") {
				t.Errorf("bash: no %s in %s", want, out)
			}
		}
		for _, not := range []string{"/usr/share/doc", "/usr/share/man", "base-files"} {
			if strings.Contains(out, not) {
				t.Errorf("bash has %s", not)
			}
		}
	})
	t.Run("cached", func(t *testing.T) {
		t.Setenv("PATH", "/nonexistent") // no apt-get, so no archive
		again, err := fresh().run(t.Context())
		if err != nil || again.Root != tree.Root {
			t.Errorf("second run: %+v %v", again, err)
		}
	})
	t.Run("reproducible", func(t *testing.T) {
		before, err := os.ReadFile(rpms[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"trees", "rpms"} {
			if err := os.RemoveAll(filepath.Join(cache, dir)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fresh().run(t.Context()); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(rpms[0])
		if err != nil {
			t.Fatal(err)
		}
		if len(before) != len(after) {
			t.Errorf("%s has another size when it is made again: %d and %d bytes", filepath.Base(rpms[0]), len(before), len(after))
		}
	})
}
