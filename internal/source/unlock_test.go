package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestUnlockTakesWhatAKilledGitLeft(t *testing.T) {
	mirror := t.TempDir()
	files := map[string]bool{ // whether it stays
		"HEAD": true, "HEAD.lock": false, "packed-refs.lock": false, "refs/heads/r9": true, "refs/heads/r9.lock": false,
		"objects/pack/pack-1.pack": true, "objects/pack/tmp_pack_x1": false, "objects/ab/tmp_obj_y": false, "objects/ab/cdef": true,
	}
	for name := range files {
		path := filepath.Join(mirror, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o444)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unlock(mirror); err != nil {
		t.Fatal(err)
	}
	for name, stays := range files {
		if _, err := os.Stat(filepath.Join(mirror, name)); errors.Is(err, fs.ErrNotExist) == stays {
			t.Errorf("%s: %v; want it to stay: %v", name, err, stays)
		}
	}
	if err := unlock(filepath.Join(mirror, "not-there")); err != nil {
		t.Error(err)
	}
}
