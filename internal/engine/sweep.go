package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Sweep removes what killed runs have left unfinished under a Runner's Dir, and returns the folders. What a running build works on stays. remove
// is that of Discard.
func Sweep(ctx context.Context, dir string, remove func(context.Context, string) error) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for unfinished results: %w", err)
	}
	var removed []string
	var errs []error
	for _, e := range entries {
		if !e.IsDir() || !folder.MatchString(e.Name()) {
			continue
		}
		s := Stored{Dir: filepath.Join(dir, e.Name())}
		if s.Used, s.Whole = used(s.Dir); s.Whole || s.Used.IsZero() {
			continue
		}
		done, err := Discard(ctx, s, remove)
		errs = append(errs, err)
		if done && err == nil {
			removed = append(removed, s.Dir)
		}
	}
	return removed, errors.Join(errs...)
}
