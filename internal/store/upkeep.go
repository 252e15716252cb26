package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/digest"
)

// lockName is the file in the store's folder that everybody who uses the store holds shared, and who removes files holds alone.
const lockName = "lock"

// share takes part in using the store. While somebody removes files it waits; that takes seconds.
func share(dir string) (*flock.Flock, error) {
	l := flock.New(filepath.Join(dir, lockName))
	for range 6000 {
		got, err := l.TryRLock()
		if err != nil {
			return nil, fmt.Errorf("locking the store: %w", err)
		}
		if got {
			return l, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, fmt.Errorf("the store in %s has been cleaned up for ten minutes: see what quarry gc does there, or end it", dir)
}

// takeLeftovers removes the temporary files that killed processes have left, unless somebody uses the store. The beginnings of downloads stay:
// they are gone on with, unless another process has finished them.
func takeLeftovers(dir string) error {
	alone, err := Alone(dir)
	if err != nil || alone == nil {
		return err
	}
	defer alone.Close()
	partial := filepath.Join(dir, "partial")
	left, err := os.ReadDir(partial)
	if err != nil {
		return fmt.Errorf("looking for what a killed process has left in the store: %w", err)
	}
	for _, e := range left {
		if d, err := digest.Parse(e.Name()); err == nil {
			if _, finished := (&Store{dir: dir}).Path(d); !finished {
				continue
			}
		}
		if err := os.Remove(filepath.Join(partial, e.Name())); err != nil {
			return fmt.Errorf("removing what a killed process has left in the store: %w", err)
		}
	}
	return nil
}

// Close ends the use of the store: from then on its files may be removed. A process that ends without it has closed all its stores.
func (s *Store) Close() error { return s.lock.Close() }

// Upkeep is a store that nobody uses.
type Upkeep struct {
	lock *flock.Flock
}

// Alone takes the store in dir for upkeep, until Close. It returns nil where somebody uses the store: then nothing of it may be removed.
func Alone(dir string) (*Upkeep, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("opening the store for upkeep: %w", err)
	}
	l := flock.New(filepath.Join(dir, lockName))
	got, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the store: %w", errors.Join(err, l.Close()))
	}
	if !got {
		return nil, l.Close()
	}
	return &Upkeep{lock: l}, nil
}

// Close lets others use the store again.
func (u *Upkeep) Close() error { return u.lock.Close() }

// Stored is a file of the store, or the beginning of one whose download was cut off.
type Stored struct {
	Path string
	Size int64     // bytes
	Used time.Time // when it was stored or asked for last
}

// List lists what is in the store in dir, whoever uses it.
func List(dir string) ([]Stored, error) {
	var all []Stored
	for _, sub := range []string{"files", "partial"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && !e.Type().IsRegular() {
				return nil
			}
			if err != nil {
				return err
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				all = append(all, Stored{Path: path, Size: info.Size(), Used: info.ModTime()})
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("listing the store: %w", err)
		}
	}
	return all, nil
}

// Remove removes a file of the list.
func (u *Upkeep) Remove(f Stored) error {
	if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a file of the store: %w", err)
	}
	return nil
}
