package publish

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFsckFinds(t *testing.T) {
	old, latest := dated("20260101", "x86_64"), dated("20260103", "x86_64")
	relink := func(t *testing.T, dir, link, target string) {
		t.Helper()
		path := filepath.Join(dir, link)
		if err := errors.Join(os.RemoveAll(path), os.Symlink(target, path)); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(t *testing.T, dir string, names ...string) {
		t.Helper()
		if err := os.Remove(filepath.Join(append([]string{dir}, names...)...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name string
		edit func(*testing.T, string)
		want []string // "problem name"
	}{
		{"nothing", func(*testing.T, string) {}, nil},
		{"one bit", func(t *testing.T, dir string) { write(t, dir, old, "firsu x86_64") }, []string{"damaged " + old}},
		{"cut off", func(t *testing.T, dir string) { write(t, dir, old, "fi") }, []string{"damaged " + old, "outdated CHECKSUM"}},
		{"image gone", func(t *testing.T, dir string) { remove(t, dir, old) }, []string{
			"orphan .quarry/reports/" + old + ".json", "orphan " + old + ".CHECKSUM", "outdated CHECKSUM",
		}},
		{"checksum gone", func(t *testing.T, dir string) { remove(t, dir, old+".CHECKSUM") }, []string{"outdated CHECKSUM", "unchecked " + old}},
		{"linked image gone", func(t *testing.T, dir string) { remove(t, dir, latest) }, []string{
			"dangling " + link0, "dangling " + link1, "orphan .quarry/reports/" + latest + ".json", "orphan " + latest + ".CHECKSUM", "outdated CHECKSUM",
		}},
		{"link by hand", func(t *testing.T, dir string) { relink(t, dir, link0, old) }, []string{"outdated CHECKSUM", "unchecked " + link0}},
		{"link outside", func(t *testing.T, dir string) { relink(t, dir, link0, "../"+old) }, []string{
			"dangling " + link0, "outdated CHECKSUM", "unchecked " + link0,
		}},
		{"link of somebody", func(t *testing.T, dir string) { relink(t, dir, "stable", latest) }, []string{"unchecked stable"}},
		{"link to a failed image", func(t *testing.T, dir string) {
			failed := dated("20260102", "x86_64")
			relink(t, dir, link0, failed)
			b, err := os.ReadFile(filepath.Join(dir, failed+".CHECKSUM"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, link0+".CHECKSUM", strings.ReplaceAll(string(b), failed, link0))
		}, []string{"outdated CHECKSUM", "unverified " + link0}},
		{"strays", func(t *testing.T, dir string) {
			write(t, dir, "notes.txt", "x")
			write(t, dir, ".hidden", "x")
			write(t, filepath.Join(dir, private), "extra", "x")
			write(t, filepath.Join(dir, private, reportsDir), "extra", "x")
		}, []string{"stray .hidden", "stray .quarry/extra", "stray .quarry/reports/extra", "stray notes.txt"}},
		{"report", func(t *testing.T, dir string) { write(t, filepath.Join(dir, private, reportsDir), old+".json", "{") }, []string{
			"damaged .quarry/reports/" + old + ".json",
		}},
		{"CHECKSUM", func(t *testing.T, dir string) { write(t, dir, "CHECKSUM", "") }, []string{"outdated CHECKSUM"}},
		{"no reports", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, private)); err != nil {
				t.Fatal(err)
			}
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := threeDays(t)
			tc.edit(t, dir)
			before := picture(t, dir)
			for _, repair := range []bool{false, true} {
				c, err := Tree(dir).Fsck(t.Context(), FsckOptions{Repair: repair})
				if err != nil {
					t.Fatal(err)
				}
				found := map[string]bool{}
				for _, f := range c.Findings {
					found[string(f.Problem)+" "+f.Name] = true
					if f.Repaired || f.Message == "" {
						t.Errorf("got %+v", f)
					}
				}
				for _, want := range tc.want {
					if !found[want] {
						t.Errorf("%q was not found: %+v", want, c.Findings)
					}
				}
				if len(c.Findings) != len(tc.want) || c.Sound() != (len(tc.want) == 0) {
					t.Errorf("got %+v", c.Findings)
				}
			}
			if !samePicture(before, picture(t, dir)) {
				t.Error("fsck changed what readers see")
			}
		})
	}
}

func TestFsckCounts(t *testing.T) {
	if c := sound(t, threeDays(t)); c.Images != 6 || c.Links != 4 || c.Bytes != 2*(12+13+12)+3 {
		t.Errorf("got %+v", c)
	}
	if _, err := Tree(filepath.Join(t.TempDir(), "none")).Fsck(t.Context(), FsckOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a tree that is not there: %v", err)
	}
}

// TestFsckRepairs leaves in the tree what a killed publisher leaves, and what nobody can repair.
func TestFsckRepairs(t *testing.T) {
	dir := threeDays(t)
	own := filepath.Join(dir, private)
	write(t, own, ".journal.json.123", "half")
	if err := os.Mkdir(filepath.Join(own, stagingDir), 0o755); err != nil {
		t.Fatal(err)
	}
	look := func(repair bool) Checked {
		t.Helper()
		c, err := Tree(dir).Fsck(t.Context(), FsckOptions{Repair: repair})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := look(false); len(c.Findings) != 2 || c.Sound() {
		t.Errorf("got %+v", c.Findings)
	}
	if c := look(true); len(c.Findings) != 2 || !c.Sound() || c.Findings[0].Problem != Temporary {
		t.Errorf("got %+v", c.Findings)
	}
	sound(t, dir)
	write(t, own, journalFile, "no journal")
	if c := look(true); len(c.Findings) != 1 || c.Sound() || !strings.Contains(c.Findings[0].Message, "damaged") {
		t.Errorf("got %+v", c.Findings)
	}
	if err := os.Remove(filepath.Join(own, journalFile)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644), os.Mkdir(filepath.Join(dir, "sub"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if c := look(true); len(c.Findings) != 2 || c.Findings[0].Problem != Stray || c.Findings[1].Problem != Stray {
		t.Errorf("got %+v", c.Findings)
	}
}
