package conformance

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/test/shared"
)

// emptyTexts are what the reference prints for an empty file, by version.
func emptyTexts(t testing.TB) map[string]string {
	t.Helper()
	var tables map[string]json.RawMessage
	err := readGzip(filepath.Join(shared.Dir(t), "data", "kickstart-options.json.gz"), func(src io.Reader) error {
		return json.NewDecoder(src).Decode(&tables)
	})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, v := range kickstart.Versions() {
		var table struct {
			Empty string `json:"empty_str"`
		}
		if err := json.Unmarshal(tables[v.String()], &table); err != nil {
			t.Fatal(err)
		}
		texts[v.String()] = table.Empty
	}
	return texts
}

// parse reads a vector's input.
func parse(v vector, version kickstart.Version) (*kickstart.File, error) {
	files := fstest.MapFS{}
	for name, text := range v.Files {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return kickstart.Parse("input.ks", strings.NewReader(v.Input), kickstart.Options{Version: version, Includes: files})
}

// TestVectors compares verdict and meaning of every vector in every version.
func TestVectors(t *testing.T) {
	all, err := readVectors(filepath.Join(shared.Dir(t), "data", "kickstart-vectors.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	empty := emptyTexts(t)
	known, err := readDisagreements("testdata/disagreements.txt")
	if err != nil {
		t.Fatal(err)
	}
	var report tally
	for _, version := range kickstart.Versions() {
		for _, v := range all {
			want, ok := v.Results[version.String()]
			if !ok {
				continue
			}
			file, err := parse(v, version)
			what, detail := compare(want, file, err, empty[version.String()])
			report.count(version, v.Command, want, what)
			if listed := known.take(v.ID, version); listed != what {
				t.Errorf("%s %s: disagrees in %s, listed as %s\n%q\nreference: %s %s\nquarry: %s", v.ID, version, quoted(what), quoted(listed),
					v.Input, want.Outcome, want.Error.Message, detail)
			}
		}
	}
	for _, entry := range known.rest() {
		t.Errorf("%s is listed as a disagreement but there is no such vector", entry)
	}
	t.Log("\n" + report.String())
}

func quoted(what string) string {
	if what == "" {
		return "nothing"
	}
	return what
}

// compare says in what a result differs: "verdict", "meaning" or "" for not at all.
func compare(want result, file *kickstart.File, err error, empty string) (what, detail string) {
	if (err != nil) != (want.Outcome == "error") {
		if err != nil {
			return "verdict", err.Error()
		}
		return "verdict", file.String()
	}
	if err != nil {
		return "", ""
	}
	got, wanted := meaningOf(file.String(), empty), meaningOf(want.Str, empty)
	if got.equal(wanted) || got.butForQuoting(wanted) && readsBack(file, file.String()) && !readsBack(file, want.Str) {
		return "", ""
	}
	return "meaning", file.String() + "\nwanted:\n" + want.Str
}

// readsBack reports whether a canonical text means the file that it was made of. The reference's doesn't where a value
// needs quoting that it leaves out.
func readsBack(file *kickstart.File, text string) bool {
	again, err := kickstart.Parse(file.Name, strings.NewReader(text), kickstart.Options{Version: file.Version})
	return err == nil && again.String() == file.String()
}

// TestCanonicalText reads every canonical and every flat text back: both must mean the same again.
func TestCanonicalText(t *testing.T) {
	all, err := readVectors(filepath.Join(shared.Dir(t), "data", "kickstart-vectors.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range kickstart.Versions() {
		for _, v := range all {
			file, err := parse(v, version)
			if err != nil {
				continue
			}
			if !readsBack(file, file.String()) {
				t.Errorf("%s %s: %q has a canonical text that doesn't read back:\n%s", v.ID, version, v.Input, file)
			}
			if !readsBack(file, file.Flat()) {
				t.Errorf("%s %s: %q has a flat text that doesn't read back:\n%s", v.ID, version, v.Input, file.Flat())
			}
		}
	}
}

// TestWarnings holds that whatever the reference warns about is warned about here.
func TestWarnings(t *testing.T) {
	all, err := readVectors(filepath.Join(shared.Dir(t), "data", "kickstart-vectors.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, version := range kickstart.Versions() {
		for _, v := range all {
			if outcome := v.Results[version.String()].Outcome; outcome != "deprecated" && outcome != "warning" {
				continue
			}
			count++
			if file, err := parse(v, version); err == nil && len(file.Warnings) == 0 {
				t.Errorf("%s %s: no warning for %q", v.ID, version, v.Input)
			}
		}
	}
	t.Logf("%d inputs with warnings", count)
}
