package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/progress"
)

// tree is one folder of published files.
type tree struct {
	dir string
	// after is called with the name of each change to the file system when it is done. It is nil except in tests, which stop there.
	after func(change string) error
}

// Tree publishes into the folder dir, which is made if it is not there.
//
// All files are staged in dir/.quarry, then a journal makes the change certain, then each file gets its name by a rename. Readers see
// complete files only, links that mean complete files, and no checksum that is wrong. A publisher that is cut off before the
// journal has changed nothing; after it, the next publisher completes the change first. One publisher at a time works on a tree;
// others wait until it is done or their context ends.
func Tree(dir string) Publisher { return &tree{dir: dir} }

func (t *tree) path(name string) string { return filepath.Join(t.dir, name) }

func (t *tree) own(names ...string) string {
	return filepath.Join(append([]string{t.dir, private}, names...)...)
}

func (t *tree) did(change string) error {
	if t.after == nil {
		return nil
	}
	return t.after(change)
}

// Publish implements Publisher.
func (t *tree) Publish(ctx context.Context, items []Item, o Options) (Result, error) {
	if err := check(items); err != nil {
		return Result{}, err
	}
	dir, err := filepath.Abs(t.dir)
	if err != nil {
		return Result{}, err
	}
	locked := &tree{dir: dir, after: t.after}
	result, err := locked.publish(ctx, items, o)
	if err != nil {
		return Result{}, fmt.Errorf("publishing into %s: %w", dir, explain(err))
	}
	return result, nil
}

func (t *tree) publish(ctx context.Context, items []Item, o Options) (Result, error) {
	unlock, err := t.lock(ctx, o.Report)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	if err := t.finish(); err != nil {
		return Result{}, fmt.Errorf("completing a publication that was cut off: %w", err)
	}
	now, err := t.read(o.Report)
	if err != nil {
		return Result{}, err
	}
	steps, result, err := t.prepare(ctx, now, items, o)
	if err != nil || len(steps) == 0 {
		return result, errors.Join(err, t.clear())
	}
	if err := t.commit(steps); err != nil {
		return Result{}, errors.Join(err, t.clear())
	}
	if err := t.apply(steps); err != nil {
		return Result{}, fmt.Errorf("the change is prepared but not complete; publish again to complete it: %w", err)
	}
	return result, nil
}

// lock makes the tree this process's own until the returned function is called.
func (t *tree) lock(ctx context.Context, report progress.Func) (func(), error) {
	if err := os.MkdirAll(t.own(), 0o755); err != nil {
		return nil, err
	}
	l := flock.New(t.own(lockFile))
	ok, err := l.TryLock()
	if err == nil && !ok {
		report.Log("waiting for another publisher of " + t.dir)
		ok, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("locking the tree: %w", err), l.Close())
	}
	return func() { _ = l.Close() }, nil
}

// explain says in words what the usual reasons mean.
func explain(err error) error {
	for _, known := range []struct {
		errno error
		words string
	}{
		{unix.ENOSPC, "the file system is full: free some space and publish again"},
		{unix.EDQUOT, "the quota is used up: free some space and publish again"},
		{unix.EROFS, "the tree is read-only: publish into a folder that this user may write"},
		{unix.EACCES, "this user may not write there: publish into a folder that this user may write"},
	} {
		if errors.Is(err, known.errno) {
			return fmt.Errorf("%s: %w", known.words, err)
		}
	}
	return err
}
