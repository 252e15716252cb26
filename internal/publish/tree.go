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
func Tree(dir string) Keeper { return &tree{dir: dir} }

// Keeper is a Publisher whose tree can also be looked after. Each change is made certain by the same journal, under the same lock.
type Keeper interface {
	Publisher
	// Rollback moves the latest links of an image to the build before the one that they mean.
	Rollback(ctx context.Context, o RollbackOptions) (RolledBack, error)
	// Prune removes old images.
	Prune(ctx context.Context, o PruneOptions) (Pruned, error)
	// Fsck looks for what is not as it should be. That something is found is no error.
	Fsck(ctx context.Context, o FsckOptions) (Checked, error)
}

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
	var result Result
	dir, err := t.change(ctx, o.Report, func(locked *tree, now state) (steps []step, err error) {
		steps, result, err = locked.prepare(ctx, now, items, o)
		return steps, err
	})
	if err != nil {
		return Result{}, fmt.Errorf("publishing into %s: %w", dir, explain(err))
	}
	return result, nil
}

// change makes one change to the tree, which is its own for so long: what was cut off before is completed, prepare stages what is to be,
// and then the steps are certain. It returns the tree's absolute path.
func (t *tree) change(ctx context.Context, report progress.Func, prepare func(*tree, state) ([]step, error)) (string, error) {
	dir, err := filepath.Abs(t.dir)
	if err != nil {
		return t.dir, err
	}
	t = &tree{dir: dir, after: t.after}
	unlock, err := t.lock(ctx, report)
	if err != nil {
		return dir, err
	}
	defer unlock()
	if err := t.finish(); err != nil {
		return dir, fmt.Errorf("completing a publication that was cut off: %w", err)
	}
	now, err := t.read(report)
	if err != nil {
		return dir, err
	}
	steps, err := prepare(t, now)
	if err != nil || len(steps) == 0 {
		return dir, errors.Join(err, t.clear())
	}
	if err := t.commit(steps); err != nil {
		return dir, errors.Join(err, t.clear())
	}
	if err := t.apply(steps); err != nil {
		return dir, fmt.Errorf("the change is prepared but not complete; publish again to complete it: %w", err)
	}
	return dir, nil
}

// look works on the tree as it is and changes nothing in it, not even what was cut off. Nobody else changes it meanwhile, unless it never
// was published into by Quarry, such as a mirror's copy. It returns the tree's absolute path.
func (t *tree) look(ctx context.Context, report progress.Func, work func(*tree, state) error) (string, error) {
	dir, err := t.existing()
	if err != nil {
		return dir, err
	}
	t = &tree{dir: dir, after: t.after}
	if _, err := os.Stat(t.own()); err == nil {
		unlock, err := t.lock(ctx, report)
		if err != nil {
			return dir, err
		}
		defer unlock()
	}
	now, err := t.read(report)
	if err != nil {
		return dir, err
	}
	return dir, work(t, now)
}

// existing returns the tree's absolute path. A tree that is only looked after has to be there.
func (t *tree) existing() (string, error) {
	dir, err := filepath.Abs(t.dir)
	if err != nil {
		return t.dir, err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is no folder")
	}
	return dir, err
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
