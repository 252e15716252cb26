package filelist

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/command"
)

func squash(t *testing.T, make func(dir string) error) []File {
	t.Helper()
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "tree.squashfs")
	if err := make(dir); err != nil {
		t.Fatal(err)
	}
	if err := command.Run(t.Context(), command.Cmd{Args: []string{"mksquashfs", dir, path, "-all-root", "-quiet", "-no-progress"}}); err != nil {
		t.Fatal(err)
	}
	files, err := Squash(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRealTreesAreCompared(t *testing.T) {
	write := func(dir, name, text string, mode os.FileMode) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	from := squash(t, func(dir string) error {
		write(dir, "same", "x", 0o644)
		write(dir, "gone", "x", 0o644)
		write(dir, "grown", "x", 0o644)
		write(dir, "mode", "x", 0o644)
		return os.Symlink("same", filepath.Join(dir, "link"))
	})
	to := squash(t, func(dir string) error {
		write(dir, "same", "y", 0o644) // its size says nothing
		write(dir, "grown", "xyz", 0o644)
		write(dir, "mode", "x", 0o755|os.ModeSetuid)
		write(dir, "a line\nbreak and -> arrow", "", 0o644)
		return os.Symlink("grown", filepath.Join(dir, "link"))
	})
	file := func(path string, size int64, mode string) File {
		return File{Path: path, Mode: mode, Owner: "0/0", Size: size}
	}
	link := func(target string) File { return File{Path: "/link", Mode: "lrwxrwxrwx", Owner: "0/0", Target: target} }
	got := Compare(from, to)
	want := Changes{
		Added:   []File{file("/a line", 0, "-rw-r--r--")},
		Removed: []File{file("/gone", 1, "-rw-r--r--")},
		Changed: []Pair{{file("/grown", 1, "-rw-r--r--"), file("/grown", 3, "-rw-r--r--")}, {link("same"), link("grown")},
			{file("/mode", 1, "-rw-r--r--"), file("/mode", 1, "-rwsr-xr-x")}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if c := Compare(from, from); len(c.Added)+len(c.Removed)+len(c.Changed) != 0 {
		t.Errorf("a tree differs from itself: %+v", c)
	}
}

func TestSquashRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if _, err := Squash(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Squash(ctx, path); err == nil {
		t.Error("an ended context lists files")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-rw-r--r-- 0/0                 18 2026-01-01 00:00 quarry-root/etc/x\n")
	f.Add("lrwxrwxrwx 0/0 4 2026-01-01 00:00 quarry-root/a -> b -> c\ncrw-rw-rw- 0/0 1,  3 2026-01-01 00:00 quarry-root/dev/null\n")
	f.Add("drwxr-xr-x 0/0 99999999999999999999 2026-01-01 00:00 quarry-root\n-rw-r--r-- 0/0 99999999999999999999 2026-01-01 00:00 quarry-root/x")
	f.Fuzz(func(t *testing.T, text string) {
		files, err := parse(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, file := range files {
			if !strings.HasPrefix(file.Path, "/") || file.Size < 0 || len(file.Mode) != 10 {
				t.Errorf("%q: %+v", text, file)
			}
		}
		if !slices.IsSortedFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("%q: not sorted", text)
		}
	})
}
