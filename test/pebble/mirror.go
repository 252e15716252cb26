package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Mirror makes dir look like the mirror of a distribution with several architectures: links to the repositories of trees, and the key
// that all of them are signed with. What dir holds of an earlier call is replaced.
func Mirror(dir string, trees ...Tree) error {
	if len(trees) == 0 {
		return errors.New("a mirror needs a tree")
	}
	var key []byte
	for _, t := range trees {
		data, err := os.ReadFile(t.KeyFile)
		if err != nil {
			return err
		}
		if key != nil && !bytes.Equal(key, data) {
			return fmt.Errorf("the trees %s and %s are signed with different keys", trees[0].Root, t.Root)
		}
		key = data
		for _, repo := range t.Repos {
			rel, err := filepath.Rel(t.Root, repo.Path)
			if err != nil {
				return err
			}
			if err := relink(repo.Path, filepath.Join(dir, rel)); err != nil {
				return err
			}
		}
	}
	first := trees[0]
	if err := relink(first.Release, filepath.Join(dir, first.Version)); err != nil {
		return err
	}
	rel, err := filepath.Rel(first.Root, first.KeyFile)
	if err != nil {
		return err
	}
	return relink(first.KeyFile, filepath.Join(dir, rel))
}

// relink makes name a link to target, whatever link it was before.
func relink(target, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, name)
}
