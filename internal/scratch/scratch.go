// Package scratch gives a process one folder for its temporary files, which is removed when the process ends, and if it was killed, by
// whoever opens a scratch folder in the same place next. It knows nothing of what the files are.
package scratch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// prefix begins the names of the folders; lockSuffix ends that of the file beside one that is locked while its process lives.
const (
	prefix     = "run-"
	lockSuffix = ".lock"
)

// Folder is a process's own.
type Folder struct {
	Dir  string // absolute
	lock *flock.Flock
}

// Open removes what processes that are gone have left in parent, and makes a folder there.
func Open(parent string) (*Folder, error) {
	parent, err := filepath.Abs(parent)
	if err == nil {
		err = os.MkdirAll(parent, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("making a folder for temporary files: %w", err)
	}
	if err := sweep(parent); err != nil {
		return nil, fmt.Errorf("removing the temporary files of a process that is gone: %w", err)
	}
	// The lock is there before the folder: no folder is ever without one.
	file, err := os.CreateTemp(parent, prefix+"*"+lockSuffix)
	if err != nil {
		return nil, fmt.Errorf("making a folder for temporary files: %w", err)
	}
	file.Close()
	lock := flock.New(file.Name())
	got, err := lock.TryRLock()
	if err == nil && got {
		if _, err = os.Stat(file.Name()); err == nil { // another process may have taken it for one that is left over
			dir := folderOf(file.Name())
			if err = os.Mkdir(dir, 0o700); err == nil {
				return &Folder{Dir: dir, lock: lock}, nil
			}
		}
	}
	if err == nil || errors.Is(err, os.ErrNotExist) { // another process was faster: once more
		lock.Close()
		return Open(parent)
	}
	return nil, errors.Join(fmt.Errorf("making a folder for temporary files: %w", err), lock.Close())
}

func folderOf(lock string) string { return lock[:len(lock)-len(lockSuffix)] }

// Close removes the folder.
func (f *Folder) Close() error {
	return errors.Join(os.RemoveAll(f.Dir), os.Remove(f.lock.Path()), f.lock.Close())
}

// sweep removes the folders whose processes are gone.
func sweep(parent string) error {
	locks, err := filepath.Glob(filepath.Join(parent, prefix+"*"+lockSuffix))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range locks {
		lock := flock.New(path, flock.SetFlag(os.O_RDWR)) // without making it again
		if got, err := lock.TryLock(); err != nil || !got {
			continue // its process lives, or another one sweeps
		}
		err := os.Remove(path)
		if errors.Is(err, os.ErrNotExist) { // its process has just closed it
			err = nil
		}
		errs = append(errs, os.RemoveAll(folderOf(path)), err, lock.Close())
	}
	return errors.Join(errs...)
}
