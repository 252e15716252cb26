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
	reportsDir  = "reports"      // what booting each image showed: NAME.json
)

// step is one change of one name. A list of steps can be run again after it was cut off anywhere.
type step struct {
	// Staged is the number of a file in the staging folder that gets the name Name, replacing what is there.
	Staged string `json:"staged,omitempty"`
	Name   string `json:"name"`
	// Withdraw takes the file Name away, as long as Staged, which will replace it in a later step, has not.
	Withdraw bool `json:"withdraw,omitempty"`
	// Remove takes Name away for good. Nothing is staged for it.
	Remove bool `json:"remove,omitempty"`
	// Report means the boot report of Name instead of Name itself.
	Report bool `json:"report,omitempty"`
}

func (s step) check() error {
	names := []string{s.Name, s.Staged}
	if s.Remove {
		names = names[:1]
	}
	for _, name := range names {
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
	name := t.path(s.Name)
	if s.Report {
		name = t.reportPath(s.Name)
	}
	if s.Remove {
		return t.changed(filepath.Dir(name), gone(name))
	}
	staged := t.own(stagingDir, s.Staged)
	_, err := os.Lstat(staged)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it already has its name
	}
	if err != nil {
		return err
	}
	if s.Withdraw {
		return t.changed(t.dir, gone(name))
	}
	return t.changed(filepath.Dir(name), os.Rename(staged, name))
}

// gone takes a name away, if it is there.
func gone(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// changed ends a step that gave a name of dir or took one away.
func (t *tree) changed(dir string, err error) error {
	if err != nil {
		return err
	}
	// One after the other also on the disk: a power cut must not keep a later step and lose an earlier one.
	if err := durable.Sync(dir); err != nil {
		return err
	}
	return t.did("step")
}

// clear removes staged files that no journal speaks of, and journals that were never complete.
func (t *tree) clear() error {
	if err := os.RemoveAll(t.own(stagingDir)); err != nil {
		return err
	}
	for _, path := range t.temporaries() {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return t.did("clear")
}

// temporaries are the files that durable.WriteFile leaves when it is killed while it writes the journal.
func (t *tree) temporaries() []string {
	entries, err := os.ReadDir(t.own())
	if err != nil {
		return nil // there is nothing of ours
	}
	var found []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), "."+journalFile+".") {
			found = append(found, t.own(e.Name()))
		}
	}
	return found
}
