package packages

import (
	"strings"
	"testing"
)

func TestManifest(t *testing.T) {
	got, err := Manifest([]string{"zlib 0 1.2.13 1.el9 x86_64 123", "bash 1 5.2 2.el9 x86_64 0"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].String() != "bash-1:5.2-2.el9.x86_64" || got[1].Size != 123 {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{"", "bash", "bash 0 5 1 x86_64 many", "bash 0 5 1 x86_64 -1", "a b c d e 1 g"} {
		if _, err := Manifest([]string{bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add("bash 0 5.2 1.el9 x86_64 100\nzlib 0 1 1 noarch 2")
	f.Add("  \n x")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		got, err := Manifest(lines)
		if err == nil && len(got) != len(lines) {
			t.Errorf("%d packages of %d lines", len(got), len(lines))
		}
	})
}
