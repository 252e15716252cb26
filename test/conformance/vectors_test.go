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
				t.Errorf("%s %s: disagrees in %s, listed as %s\n%q\nreference: %s %s%s\nquarry: %s", v.ID, version, quoted(what), quoted(listed),
					v.Input, want.Outcome, want.Error.Message, "", detail)
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
	if got, wanted := meaningOf(file.String(), empty), meaningOf(want.Str, empty); !got.equal(wanted) {
		return "meaning", file.String() + "\nwanted:\n" + want.Str
	}
	return "", ""
}
