package publish

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzJournal: a journal that others wrote changes nothing outside of its tree nor among Quarry's own files, and stays where it could not be
// completed.
func FuzzJournal(f *testing.F) {
	good, err := json.Marshal([]step{{Staged: "1", Name: "CHECKSUM", Withdraw: true}, {Staged: "2", Name: "image.qcow2"}, {Staged: "1", Name: "CHECKSUM"}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", "null", "[]", "{}", string(good), string(good[:len(good)-1]), `[{"staged":"1","name":"../outside"}]`, `[{"staged":"../../CHECKSUM","name":"a"}]`,
		`[{"staged":"1","name":"../outside","withdraw":true}]`, `[{"staged":"1","name":".quarry"}]`, `[{"staged":"..","name":"a"}]`, `[{"staged":"1","name":"a\u0000b"}]`,
		`[{"remove":true,"name":"CHECKSUM"}]`, `[{"remove":true,"name":"../outside"}]`, `[{"remove":true,"name":"CHECKSUM","report":true}]`,
		`[{"staged":"2","name":"../../outside","report":true}]`, `[{"staged":"2","name":"image.qcow2","report":true}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, journal []byte) {
		root := t.TempDir()
		tr := &tree{dir: filepath.Join(root, "tree")}
		if err := os.MkdirAll(tr.own(stagingDir), 0o755); err != nil {
			t.Fatal(err)
		}
		outside := filepath.Join(root, "outside")
		for path, text := range map[string]string{
			outside: "outside", tr.own(stagingDir, "1"): "one", tr.own(stagingDir, "2"): "two", tr.path("CHECKSUM"): "old",
			tr.own(lockFile): "", tr.own(journalFile): string(journal),
		} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := tr.finish()
		if text, readErr := os.ReadFile(outside); readErr != nil || string(text) != "outside" {
			t.Errorf("the file outside is %q, %v", text, readErr)
		}
		if _, statErr := os.Lstat(tr.own(lockFile)); statErr != nil {
			t.Error(statErr)
		}
		names, globErr := filepath.Glob(filepath.Join(root, "*"))
		if globErr != nil || len(names) != 2 {
			t.Errorf("beside the tree are %q, %v", names, globErr)
		}
		entries, readErr := os.ReadDir(tr.dir)
		if readErr != nil {
			t.Fatal(readErr)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") && e.Name() != private {
				t.Errorf("%q was published", e.Name())
			}
		}
		_, statErr := os.Lstat(tr.own(journalFile))
		if gone := errors.Is(statErr, fs.ErrNotExist); gone != (err == nil) {
			t.Errorf("the journal is gone: %v, and the error is %v", gone, err)
		}
	})
}
