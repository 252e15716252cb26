// Package durable puts files in place so that neither a crash nor a power cut leaves half of one under its final name: written beside,
// flushed to the disk, renamed. It knows nothing of what is in the files, and keeps no state.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Rename flushes the file at from, gives it the name to, and flushes the folder. Both names have to be in one file system. What had
// the name before is replaced in one step.
func Rename(from, to string) error {
	if err := Sync(from); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return Sync(filepath.Dir(to))
}

// Sync flushes a file's bytes, or a folder's names, to the disk.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("flushing %s to the disk: %w", path, err)
	}
	return nil
}

// WriteFile writes data to path: readers see what was there before, or all of data. The file is readable to everybody.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no longer there when all went well
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return Rename(f.Name(), path)
}
