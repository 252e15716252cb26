package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/publish"
	"github.com/quarry-project/quarry/test/self"
)

// What goes wrong on a host at night, and what people find in the morning: the message, the exit code, and what is left. Each ends with the fault
// gone, and a run that goes on.

// fails runs both images, wants a failure of each with those words, exit code 1, and nothing half-done left.
func (n *nightly) fails(words ...string) {
	n.Helper()
	s, p, t := n.session()
	set := n.members(p, t, "")
	cmd := &cobra.Command{}
	cmd.SetContext(n.Context())
	results, err := s.buildSet(cmd, set)
	s.close()
	if err != nil {
		n.Fatalf("the run itself: %v", err)
	}
	var report bytes.Buffer
	cmd.SetOut(&report)
	if code := exitCode(n.Context(), finish(cmd, matrix.Report{Builds: results}, false)); code != exitFailed {
		n.Errorf("exit code %d; want %d", code, exitFailed)
	}
	for _, r := range results {
		for _, want := range words {
			if r.State != matrix.Failed || !strings.Contains(r.Error, want) {
				n.Errorf("%s is %s, and %q is missing: %s", r.Name, r.State, want, r.Error)
			}
		}
	}
}

// whole checks that every result in the cache is finished, that no temporary file is left, and that the published tree is sound.
func (n *nightly) whole() {
	n.Helper()
	steps, err := engine.Results(filepath.Join(n.work, "cache", "steps"))
	if err != nil {
		n.Error(err)
	}
	for _, r := range steps {
		if _, err := os.Stat(r.Dir); err == nil && !r.Whole { // otherwise it is only a lock's file
			n.Errorf("unfinished: %s", r.Dir)
		}
	}
	if left, err := os.ReadDir(filepath.Join(n.work, "cache", "tmp")); err != nil || len(left) > 0 {
		n.Errorf("temporary files: %v, %v", left, err)
	}
	if found, err := publish.Tree(n.tree).Fsck(n.Context(), publish.FsckOptions{}); err != nil || !found.Sound() {
		n.Errorf("the published tree: %+v, %v", found, err)
	}
}

// A mirror that is synchronised while it is read from: some packages come, the rest is gone.
func TestARepositoryThatVanishes(t *testing.T) {
	n := newNightly(t)
	const enough = 20
	var mu sync.Mutex
	served := map[string]bool{}
	back := false
	files := http.FileServer(http.Dir(n.mirror))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		rpm := strings.HasSuffix(r.URL.Path, ".rpm")
		gone := rpm && !back && len(served) >= enough
		twice := served[r.URL.Path]
		if rpm && !gone {
			served[r.URL.Path] = true
		}
		mu.Unlock()
		if twice {
			t.Errorf("%s was fetched again", r.URL.Path)
		}
		if gone {
			http.NotFound(w, r)
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	n.address = server.URL
	n.fails("could not fetch", ".rpm: the server says 404 Not Found")
	n.whole()
	mu.Lock()
	back = true
	mu.Unlock()
	n.run("the mirror is back", false, matrix.Built, matrix.Built)
	n.whole()
}

// Cache entries that something has spoiled: what says so itself is made anew, an image never gets into the published tree.
func TestSpoiledResults(t *testing.T) {
	n := newNightly(t)
	n.run("first", false, matrix.Built, matrix.Built)
	unpublish := func() {
		published, err := filepath.Glob(filepath.Join(n.tree, "Pebble-*"))
		if err != nil || len(published) == 0 {
			t.Fatalf("%v, %v", published, err)
		}
		for _, path := range published {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	each := func(pattern string, spoil func(path string) error) {
		paths, err := filepath.Glob(filepath.Join(n.work, "cache", "steps", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	unpublish()
	each("*/.result.json", func(path string) error { return os.WriteFile(path, []byte("{\"key\": tru"), 0o644) })
	n.run("results that can't be read", false, matrix.Built, matrix.Built)
	n.whole()

	unpublish()
	each("image-*/image.qcow2", func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		data[0] ^= 1
		return os.WriteFile(path, data, 0o644)
	})
	n.fails("has changed since it was made", "/cache/steps/image-", "and build again")
	if left, err := filepath.Glob(filepath.Join(n.tree, "Pebble-*")); err != nil || len(left) > 0 {
		t.Errorf("published: %v, %v", left, err)
	}
	each("image-*[0-9a-f]", os.RemoveAll) // as the message says
	n.run("the images were removed", false, matrix.Built, matrix.Built)
	n.whole()
}

// A cache on a disk that is full, and a published tree that is read-only. To have such ones without being root, the test runs itself in a user and
// mount namespace.
func TestDisksThatRefuse(t *testing.T) {
	n := newNightly(t) // says what the test needs
	if !self.InNamespace(t, "read-only") {
		return
	}
	mount := func(source, target, kind string, flags uintptr, data string) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, flags, data); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("full", func(t *testing.T) {
		cache := filepath.Join(n.work, "cache")
		if err := os.Mkdir(cache, 0o700); err != nil {
			t.Fatal(err)
		}
		mount("tmpfs", cache, "tmpfs", 0, "size=50m")
		n.fails("the disk that holds "+cache, "is full", "make room, or keep it elsewhere with --work")
		n.whole()
		mount("", cache, "", syscall.MS_REMOUNT, "size=1500m")
		n.run("there is room", false, matrix.Built, matrix.Built)
		n.whole()
	})
	t.Run("read-only", func(t *testing.T) {
		n.tree = t.TempDir()
		mount(n.tree, n.tree, "", syscall.MS_BIND, "")
		mount("", n.tree, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
		n.fails("the tree is read-only: publish into a folder that this user may write", n.tree)
		if err := syscall.Unmount(n.tree, 0); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(n.tree); err != nil || len(left) > 0 {
			t.Errorf("in the tree: %v, %v", left, err)
		}
		for _, r := range n.run("it can be written", false, matrix.Built, matrix.Built) {
			for _, s := range r.Steps {
				if !s.Skipped && s.Name != "publish" {
					t.Errorf("%s: the step %s was run again", r.Name, s.Name)
				}
			}
		}
		n.whole()
	})
	if err := syscall.Unmount(filepath.Join(n.work, "cache"), syscall.MNT_DETACH); err != nil {
		t.Error(err)
	}
}
