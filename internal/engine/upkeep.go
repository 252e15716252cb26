package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Stored is a result on disk, or what is left of one that was never finished: its folder, or its locks alone.
type Stored struct {
	Dir   string
	Used  time.Time // last; of an unfinished one, when it changed last
	Size  int64     // bytes on the disk, as far as this user can see them
	Whole bool      // false for what was left by a run that was cut off
	Needs []string  // files outside Dir without which it is of no use
}

// Step is the name of the step that made it.
func (s Stored) Step() string {
	name := filepath.Base(s.Dir)
	return name[:max(0, strings.LastIndexByte(name, '-'))]
}

// Results lists what is under a Runner's Dir, also what running builds use.
func Results(dir string) ([]Stored, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing results: %w", err)
	}
	var all []Stored
	seen := map[string]bool{}
	for _, e := range entries {
		name := strings.TrimSuffix(strings.TrimSuffix(e.Name(), useSuffix), lockSuffix)
		if seen[name] || !folder.MatchString(name) {
			continue
		}
		seen[name] = true
		s := Stored{Dir: filepath.Join(dir, name)}
		s.Used, s.Whole = used(s.Dir)
		if s.Used.IsZero() {
			continue // removed since
		}
		var kept saved[json.RawMessage]
		if data, err := os.ReadFile(filepath.Join(s.Dir, resultName)); err == nil && json.Unmarshal(data, &kept) == nil {
			s.Needs = kept.Needs
		}
		s.Size = Size(s.Dir)
		all = append(all, s)
	}
	return all, nil
}

// folder is what a result's folder is called: the step and the beginning of its key.
var folder = regexp.MustCompile(`^[a-z][a-z0-9-]*-[0-9a-f]{12}$`)

// used is when a result was used last, and whether it is whole.
func used(dir string) (time.Time, bool) {
	for _, path := range []string{filepath.Join(dir, resultName), dir, dir + useSuffix} {
		if info, err := os.Lstat(path); err == nil {
			return info.ModTime(), filepath.Base(path) == resultName
		}
	}
	return time.Time{}, false
}

// Size is how many bytes the files under path take on the disk. What can't be read counts nothing.
func Size(path string) int64 {
	var total int64
	// Its only errors are those of what can't be read, and they are left out.
	_ = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		if info, err := e.Info(); err == nil {
			total += allocated(info)
		}
		return nil
	})
	return total
}

// allocated is a file's share of the blocks that all its names have together.
func allocated(info fs.FileInfo) int64 {
	s, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return info.Size()
	case info.IsDir():
		return s.Blocks * 512
	}
	return s.Blocks * 512 / int64(max(1, s.Nlink))
}

// Discard removes a result. It reports false, and has done nothing, where a build uses or makes it or has used it since it was listed. A build that
// wants the result while it is being removed waits, and makes it again. remove deletes a folder whose files may belong to
// subordinate ids; nil is os.RemoveAll.
func Discard(ctx context.Context, s Stored, remove func(context.Context, string) error) (bool, error) {
	use := flock.New(s.Dir + useSuffix)
	defer use.Close()
	if got, err := use.TryLock(); err != nil || !got {
		return false, err
	}
	if !named(use) {
		return false, nil // another process removes the same
	}
	if at, whole := used(s.Dir); !at.Equal(s.Used) || whole != s.Whole {
		return false, nil
	}
	// First the one name that makes it a result: whatever is cut off from here on leaves something unfinished, not something broken.
	if err := os.Remove(filepath.Join(s.Dir, resultName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("removing a result: %w", err)
	}
	if err := (&Runner{Remove: remove}).remove(ctx, s.Dir); err != nil {
		return false, fmt.Errorf("removing a result: %w", err)
	}
	// Its locks last. Nobody has the first without the second, and who waits for the second sees that it has lost its name.
	for _, path := range []string{s.Dir + lockSuffix, s.Dir + useSuffix} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return true, fmt.Errorf("removing a result's lock: %w", err)
		}
	}
	return true, nil
}
