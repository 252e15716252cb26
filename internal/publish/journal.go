package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/durable"
)

// What Quarry keeps in a tree for itself.
const (
	private     = ".quarry"
	lockFile    = "lock"
	journalFile = "journal.json" // exists from the moment at which a change is certain until it is complete
	stagingDir  = "new"          // files that wait for their names: numbers
)

// step is one change of one name. A list of steps can be run again after it was cut off anywhere.
type step struct {
	// Staged is the number of a file in the staging folder that gets the name Name, replacing what is there.
	Staged string `json:"staged"`
	Name   string `json:"name"`
	// Withdraw takes the file Name away, as long as Staged, which will replace it in a later step, has not.
	Withdraw bool `json:"withdraw,omitempty"`
}

func (s step) check() error {
	for _, name := range []string{s.Staged, s.Name} {
		if name == "" || strings.HasPrefix(name, ".") || strings.ContainsRune(name, filepath.Separator) {
			return fmt.Errorf("%q is no published name", name)
		}
	}
	return nil
}

// commit makes the steps certain: from here on they are done, by this process or by the next one.
func (t *tree) commit(steps []step) error {
	b, err := json.MarshalIndent(steps, "", " ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(t.own(journalFile), b); err != nil {
		return err
	}
	return t.did("commit")
}

// finish completes what a publisher that was cut off had made certain, and drops what it had not.
func (t *tree) finish() error {
	b, err := os.ReadFile(t.own(journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return t.clear()
	}
	if err != nil {
		return err
	}
	var steps []step
	if err := json.Unmarshal(b, &steps); err != nil {
		return fmt.Errorf("%s is damaged; remove it to give up the publication that it describes: %w", t.own(journalFile), err)
	}
	return t.apply(steps)
}

// apply runs the steps of the journal and closes it.
func (t *tree) apply(steps []step) error {
	for _, s := range steps {
		if err := s.check(); err != nil {
			return err
		}
		if err := t.run(s); err != nil {
			return err
		}
	}
	if err := os.Remove(t.own(journalFile)); err != nil {
		return err
	}
	if err := t.did("close"); err != nil {
		return err
	}
	return t.clear()
}

func (t *tree) run(s step) error {
	staged, name := t.own(stagingDir, s.Staged), t.path(s.Name)
	_, err := os.Lstat(staged)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it already has its name
	}
	if err != nil {
		return err
	}
	if s.Withdraw {
		err = os.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else {
		err = os.Rename(staged, name)
	}
	if err != nil {
		return err
	}
	// One after the other also on the disk: a power cut must not keep a later step and lose an earlier one.
	if err := durable.Sync(t.dir); err != nil {
		return err
	}
	return t.did("step")
}

// clear removes staged files that no journal speaks of.
func (t *tree) clear() error {
	if err := os.RemoveAll(t.own(stagingDir)); err != nil {
		return err
	}
	return t.did("clear")
}
