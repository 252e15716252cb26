package kickstart

import (
	"os"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/test/golden"
)

func parseText(t *testing.T, text string, o Options) (*File, error) {
	t.Helper()
	if o.Version == 0 {
		o.Version = RHEL9
	}
	file, err := Parse("test.ks", strings.NewReader(text), o)
	if file == nil {
		t.Fatal(err)
	}
	return file, err
}

// mustParse is for texts without errors.
func mustParse(t *testing.T, text string, o Options) *File {
	t.Helper()
	file, err := parseText(t, text, o)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCanonicalText(t *testing.T) {
	file := mustParse(t, readFile(t, "testdata/cloud.ks"), Options{})
	golden.Equal(t, "cloud.canonical", file.String())
	if again := mustParse(t, file.String(), Options{}).String(); again != file.String() {
		t.Errorf("the canonical text doesn't read back:\n%s", again)
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	file, err := parseText(t, readFile(t, "testdata/broken.ks"), Options{})
	if err == nil {
		t.Fatal("no error")
	}
	var b strings.Builder
	for _, p := range append(err.(Problems), file.Warnings...) {
		b.WriteString(p.Error() + "\n")
	}
	golden.Equal(t, "broken.problems", b.String())
}

func TestFormat(t *testing.T) {
	before := readFile(t, "testdata/style.ks")
	after, err := Format("style.ks", strings.NewReader(before), Options{Version: RHEL9})
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "style.formatted", after)
	again, err := Format("style.ks", strings.NewReader(after), Options{Version: RHEL9})
	if err != nil || again != after {
		t.Errorf("formatting twice changes it again: %v\n%s", err, again)
	}
}
