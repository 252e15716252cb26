package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quarry-project/quarry/test/self"
)

// childEnv tells this test program to be a publisher: it holds a child as JSON.
const childEnv = "QUARRY_TEST_PUBLISHER"

// child is what a publisher process is to do.
type child struct {
	Dir     string
	Items   []Item
	Options Options
	Kill    int    // kill this process when it has made so many changes; 0 is never
	Do      string // instead of publishing: "rollback", "prune" or "repair"
}

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(childEnv); ok {
		if err := publishAsChild(text); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func publishAsChild(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	changes := 0
	t := &tree{dir: c.Dir, after: func(string) error {
		if changes++; changes == c.Kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal is there
		}
		return nil
	}}
	ctx := context.Background()
	var err error
	switch c.Do {
	case "rollback":
		_, err = t.Rollback(ctx, RollbackOptions{Image: "GenericCloud"})
	case "prune":
		_, err = t.Prune(ctx, PruneOptions{Keep: 1})
	case "repair":
		_, err = t.Fsck(ctx, FsckOptions{Repair: true})
	default:
		_, err = t.Publish(ctx, c.Items, c.Options)
	}
	return err
}

// start begins a publisher process; its error ends up in the returned buffer.
func (c child) start(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &stderr
}

// TestKilledAnywhere kills a publisher after each change that it makes to the file system, once for a tree's first image, once for one
// that replaces another, and once for content that goes back. What a reader sees then is consistent; the next publisher, of whatever,
// finds the old tree or completes the new one.
func TestKilledAnywhere(t *testing.T) {
	first, second := itemOf(t, "first"), itemOf(t, "second, longer")
	third := itemOf(t, "the third")
	for _, tc := range []struct {
		name   string
		before []Item
		do     string
		item   []Item
		least  int // changes that this has to take
	}{
		{"first image", nil, "", []Item{first}, 15},
		{"next image", []Item{first}, "", []Item{second}, 15},
		{"back to the first", []Item{first, second}, "", []Item{first}, 10},
		{"rollback", []Item{first, second}, "rollback", nil, 10},
		{"prune", []Item{first, second, third}, "prune", nil, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := t.TempDir()
			for _, item := range tc.before {
				publishes(t, start, options(), item)
			}
			run := child{Items: tc.item, Options: options(), Do: tc.do}
			older := picture(t, start)
			done := copyOf(t, start)
			runs(t, run, done, 0)
			newer := picture(t, done)
			var completed, undone int
			kill := 1
			for ; ; kill++ {
				dir := copyOf(t, start)
				killed := runs(t, run, dir, kill)
				consistent(t, dir)
				if !killed {
					if !samePicture(picture(t, dir), newer) {
						t.Errorf("what was not killed left %v", picture(t, dir))
					}
					break
				}
				seen := picture(t, dir)
				if link := seen[link0]; link != older[link0] && link != newer[link0] {
					t.Errorf("after %d changes the link is %q", kill, link)
				}
				repairable(t, copyOf(t, dir), older, newer, kill%4 == 0)
				// Publishing nothing is enough to settle what was cut off.
				if _, err := Tree(dir).Publish(t.Context(), nil, options()); err != nil {
					t.Fatalf("after %d changes: %v", kill, err)
				}
				consistent(t, dir)
				switch settled := picture(t, dir); {
				case samePicture(settled, newer):
					completed++
				case samePicture(settled, older) && samePicture(seen, older):
					undone++
				default:
					t.Errorf("after %d changes the tree is neither old nor new: %v", kill, settled)
				}
			}
			if kill <= tc.least || completed == 0 || undone == 0 {
				t.Errorf("killed %d times: %d completed, %d undone", kill-1, completed, undone)
			}
		})
	}
}

// copyOf is another tree like dir.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "tree")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// runs has a process work on the tree, and tells whether it was killed.
func runs(t *testing.T, c child, dir string, kill int) bool {
	t.Helper()
	c.Dir, c.Kill = dir, kill
	cmd, stderr := c.start(t)
	err := cmd.Wait()
	if err == nil {
		return false
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || kill == 0 {
		t.Fatalf("%+v after %d changes: %v: %s", c.Do, kill, err, stderr)
	}
	return true
}

// repairable has fsck settle what was cut off; with twice, it is killed itself on the way first.
func repairable(t *testing.T, dir string, older, newer map[string]string, twice bool) {
	t.Helper()
	if twice {
		runs(t, child{Do: "repair"}, dir, 2)
		consistent(t, dir)
	}
	if _, err := Tree(dir).Fsck(t.Context(), FsckOptions{Repair: true}); err != nil {
		t.Fatal(err)
	}
	if got := picture(t, dir); !samePicture(got, older) && !samePicture(got, newer) {
		t.Errorf("repaired, the tree is neither old nor new: %v", got)
	}
	sound(t, dir)
}

// sound checks that fsck finds nothing.
func sound(t *testing.T, dir string) Checked {
	t.Helper()
	c, err := Tree(dir).Fsck(t.Context(), FsckOptions{})
	if err != nil || len(c.Findings) > 0 || !c.Sound() {
		t.Errorf("fsck: %v, %+v", err, c.Findings)
	}
	return c
}

// TestTwoPublishersAtOnce has processes publish different images of one name into one tree.
func TestTwoPublishersAtOnce(t *testing.T) {
	dir := t.TempDir()
	const count = 6
	var started []*exec.Cmd
	var errs []*bytes.Buffer
	for i := range count {
		cmd, stderr := child{Dir: dir, Items: []Item{itemOf(t, "content "+strconv.Itoa(i))}, Options: options()}.start(t)
		started, errs = append(started, cmd), append(errs, stderr)
	}
	for i, cmd := range started {
		if err := cmd.Wait(); err != nil {
			t.Errorf("publisher %d: %v: %s", i, err, errs[i])
		}
	}
	consistent(t, dir)
	contents := map[string]bool{}
	for name, content := range picture(t, dir) {
		if strings.HasSuffix(name, ".qcow2") && !strings.HasPrefix(content, "-> ") {
			contents[content] = true
		}
	}
	if len(contents) != count {
		t.Errorf("%d of %d images are there: %v", len(contents), count, contents)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	dir := t.TempDir()
	busy := &tree{dir: dir}
	unlock, err := busy.lock(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Tree(dir).Publish(ctx, []Item{itemOf(t, "x")}, options()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestFileSystemsThatRefuse publishes into a file system that is full and into one that is read-only. To have such ones without being root, the test
// runs itself in a user and mount namespace.
func TestFileSystemsThatRefuse(t *testing.T) {
	if !self.InNamespace(t, "read-only") {
		return
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	first := itemOf(t, "first")
	publishes(t, dir, options(), first)
	before := picture(t, dir)
	refuses := func(t *testing.T, item Item, want string) {
		t.Helper()
		_, err := Tree(dir).Publish(t.Context(), []Item{item}, options())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("got %v, want %q", err, want)
		}
		if !samePicture(before, picture(t, dir)) {
			t.Errorf("the tree holds %v", picture(t, dir))
		}
	}
	large := itemOf(t, strings.Repeat("x", 2<<20))
	t.Run("too large", func(t *testing.T) {
		refuses(t, large, "the file system is full: free some space and publish again: 2097152 bytes are needed")
	})
	t.Run("full on the way", func(t *testing.T) {
		grown := large
		grown.Image.Size = 1 // so that it is only noticed while copying
		refuses(t, grown, "the file system is full")
		if entries, err := os.ReadDir(filepath.Join(dir, private)); err != nil || len(entries) != 2 {
			t.Errorf("left behind: %v, %v; want only the lock and the reports", entries, err)
		}
	})
	t.Run("read-only", func(t *testing.T) {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		refuses(t, itemOf(t, "second"), "the tree is read-only")
	})
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Error(err)
	}
}
