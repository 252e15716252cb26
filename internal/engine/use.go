package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/artifact"
)

const (
	useSuffix  = ".use"
	lockSuffix = ".lock"
)

// Close ends the build's use of the results that it has used and made: from then on they may be removed. A process that ends
// without it has closed all its runners.
func (r *Runner) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, l := range r.uses {
		errs = append(errs, l.Close())
	}
	r.uses = nil
	return errors.Join(errs...)
}

// use keeps the result in dir from being removed until the runner is closed.
func (r *Runner) use(ctx context.Context, dir string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.uses[dir] != nil {
		return nil
	}
	for {
		l := flock.New(dir + useSuffix)
		// The other side has it only while it removes a result.
		if _, err := l.TryRLockContext(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("locking %s: %w", l.Path(), errors.Join(err, l.Close()))
		}
		if named(l) {
			if r.uses == nil {
				r.uses = map[string]*flock.Flock{}
			}
			r.uses[dir] = l
			return nil
		}
		// Who had the lock has removed the file: what we hold means nothing.
		if err := l.Close(); err != nil {
			return err
		}
	}
}

// named reports whether the locked file still has its name.
func named(l *flock.Flock) bool {
	mine, err := l.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(l.Path())
	return err == nil && os.SameFile(mine, there)
}

// touch notes that a result was used. Where that fails, the result is only older than it could be.
func touch(dir string) {
	now := time.Now()
	_ = os.Chtimes(filepath.Join(dir, resultName), now, now)
}

// outside lists the files that are not in dir.
func outside(dir string, files []artifact.File) []string {
	var all []string
	for _, f := range files {
		if !strings.HasPrefix(f.Path, dir+string(filepath.Separator)) {
			all = append(all, f.Path)
		}
	}
	return all
}
