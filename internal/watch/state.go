package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/durable"
)

// State is the commit of each branch that was seen last. One process at a time has it.
type State struct {
	Commits map[string]string // by Branch.Key; 40 hexadecimal digits
	path    string
	lock    *flock.Flock
}

// stateFile is what is on the disk.
type stateFile struct {
	Commits map[string]string `json:"commits"`
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// OpenState reads the state at path, which is empty where there is no file, and keeps others from it until Close.
func OpenState(ctx context.Context, path string) (*State, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	s := &State{Commits: map[string]string{}, path: path, lock: flock.New(path + ".lock")}
	if ok, err := s.lock.TryLockContext(ctx, 100*time.Millisecond); !ok {
		return nil, fmt.Errorf("waiting for another quarry watch, which has %s: %w", path, err)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	var read stateFile
	if err == nil {
		err = json.Unmarshal(data, &read)
	}
	for key, id := range read.Commits {
		if !commit.MatchString(id) {
			err = fmt.Errorf("%q is no commit", id)
		}
		s.Commits[key] = id
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("reading what was seen last from %s: %w; remove it to begin anew", path, err)
	}
	return s, nil
}

// Save writes the state. It belongs after the output: what was not told is told again.
func (s *State) Save() error {
	data, err := json.MarshalIndent(stateFile{s.Commits}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(s.path, append(data, '\n'))
}

// Close lets others have the state.
func (s *State) Close() { _ = s.lock.Close() }
