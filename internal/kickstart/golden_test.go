package kickstart

import (
	goflag "flag"
	"os"
	"strings"
	"testing"
)

var update = goflag.Bool("update", false, "rewrite the golden files")

// golden compares text with the file, or rewrites the file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; -update rewrites it. Now:\n%s", name, text)
	}
}

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
	golden(t, "testdata/cloud.canonical", file.String())
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
	golden(t, "testdata/broken.problems", b.String())
}

func TestFormat(t *testing.T) {
	before := readFile(t, "testdata/style.ks")
	after, err := Format("style.ks", strings.NewReader(before), Options{Version: RHEL9})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/style.formatted", after)
	again, err := Format("style.ks", strings.NewReader(after), Options{Version: RHEL9})
	if err != nil || again != after {
		t.Errorf("formatting twice changes it again: %v\n%s", err, again)
	}
}
