package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/test/self"
)

// user is the environment that makes the test's own program a user of a store in a process of its own: the store's folder.
const user = "QUARRY_TEST_STORE_USER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(user); dir != "" {
		if err := useAgain(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// useAgain stores a few files many times, and looks whether they stay while it has the store open.
func useAgain(dir string) error {
	for round := range 40 {
		s, err := Open(dir)
		if err != nil {
			return err
		}
		for _, text := range []string{"a", "b", "c"} {
			f, err := s.Put(context.Background(), bytes.NewReader([]byte(text)))
			if err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
			if _, err := os.Stat(f.Path); err != nil {
				return fmt.Errorf("round %d: a file was removed while the store was open: %w", round, err)
			}
		}
		if err := s.Close(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func TestNoFileIsRemovedWhileTheStoreIsOpen(t *testing.T) {
	dir := t.TempDir()
	busy := 0
	self.Beside(t, 2, user+"="+dir, func() {
		if _, ok := sweep(t, dir); !ok {
			busy++
		}
	})
	if busy == 0 {
		t.Error("nobody had the store open meanwhile: the test shows nothing")
	}
	if _, ok := sweep(t, dir); !ok {
		t.Error("all have ended, and the store is still in use")
	}
	if left, ok := sweep(t, dir); !ok || left != 0 {
		t.Errorf("%d files are left, %v", left, ok)
	}
}

// sweep removes all files and returns how many there were; false where the store is in use.
func sweep(t *testing.T, dir string) (int, bool) {
	t.Helper()
	u, err := Alone(dir)
	if err != nil {
		t.Fatal(err)
	}
	if u == nil {
		return 0, false
	}
	defer u.Close()
	files, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := u.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	return len(files), true
}

func TestAFileThatIsAskedForIsUsed(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Put(t.Context(), bytes.NewReader([]byte("a")))
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(f.Path, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), []Request{{URLs: []string{"file:///none"}, Digest: f.Digest, Size: f.Size}}, 1, nil); err != nil {
		t.Fatal(err)
	}
	if u, err := Alone(s.Dir()); u != nil || err != nil {
		t.Fatalf("an open store was had alone: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	u, err := Alone(s.Dir())
	if err != nil || u == nil {
		t.Fatal("a closed store can't be had alone", err)
	}
	defer u.Close()
	files, err := List(s.Dir())
	if err != nil || len(files) != 1 || files[0].Path != f.Path || files[0].Size != 1 || time.Since(files[0].Used) > time.Minute {
		t.Errorf("%+v, %v; want one file that was used now", files, err)
	}
}

func TestOpenTakesAwayWhatTheDeadLeft(t *testing.T) {
	dir := t.TempDir()
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := first.Put(t.Context(), strings.NewReader("whole"))
	if err != nil {
		t.Fatal(err)
	}
	begun, finished := filepath.Join(dir, "partial", strings.Repeat("a", 64)), filepath.Join(dir, "partial", stored.Digest.Hex())
	for _, path := range []string{finished, filepath.Join(dir, "partial", "put-1"), filepath.Join(dir, "partial", "unknown-2"), begun} {
		if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		what string
		want int
	}{{"while somebody uses it", 4}, {"once nobody does", 1}} {
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
		left, err := os.ReadDir(filepath.Join(dir, "partial"))
		if err != nil || len(left) != c.want {
			t.Errorf("%s: %v, %v; want %d files", c.what, left, err, c.want)
		}
		first.Close()
	}
	if _, err := os.Stat(begun); err != nil {
		t.Errorf("the beginning of a download: %v", err)
	}
}
