package scratch

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func left(t *testing.T, parent string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestFoldersOfTheDeadGo(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "tmp")
	alive, err := Open(parent)
	if err != nil {
		t.Fatal(err)
	}
	dead, err := Open(parent)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Folder{alive, dead} {
		if err := os.WriteFile(filepath.Join(f.Dir, "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dead.lock.Close() // as the kernel does when a process is killed
	next, err := Open(parent)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(alive.Dir, "file")); err != nil {
		t.Errorf("the folder of a living process: %v", err)
	}
	if _, err := os.Stat(dead.Dir); !os.IsNotExist(err) {
		t.Errorf("the folder of a dead process: %v", err)
	}
	for _, f := range []*Folder{alive, next} {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if entries := left(t, parent); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}

func TestManyAtOnce(t *testing.T) {
	parent := t.TempDir()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 20 {
				f, err := Open(parent)
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(f.Dir, "file"), nil, 0o600); err != nil {
					t.Errorf("a folder in use was removed: %v", err)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if entries := left(t, parent); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}
