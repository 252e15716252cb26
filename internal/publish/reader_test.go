package publish

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// picture is the tree as a reader sees it: content by name, links as "-> target".
func picture(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, e := range entries {
		if e.Name() == private {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if target, err := os.Readlink(path); err == nil {
			seen[e.Name()] = "-> " + target
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen[e.Name()] = string(b)
	}
	return seen
}

func samePicture(a, b map[string]string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// consistent checks what has to hold at every moment: sha256sum accepts every checksum that is there, links lead to images, and no name is
// visible that is neither.
func consistent(t *testing.T, dir string) {
	t.Helper()
	for name, content := range picture(t, dir) {
		target, isLink := strings.CutPrefix(content, "-> ")
		switch {
		case name == checksumAll && content == "": // before the first image
		case strings.HasSuffix(name, checksumAll):
			cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet", name)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("sha256sum -c %s: %v\n%s\n%s", name, err, out, content)
			}
		case isLink:
			if _, err := ParseName(target); err != nil {
				t.Errorf("%s -> %s: %v", name, target, err)
			}
			if _, err := os.Stat(filepath.Join(dir, target)); err != nil {
				t.Errorf("%s leads nowhere: %v", name, err)
			}
		default:
			if _, err := ParseName(name); err != nil {
				t.Errorf("a reader sees %s", name)
			}
		}
	}
}

// times is the last change of every name and of the folder.
func times(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	seen := map[string]time.Time{}
	names := []string{"."}
	for name := range picture(t, dir) {
		names = append(names, name)
	}
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		seen[name] = info.ModTime()
	}
	return seen
}
