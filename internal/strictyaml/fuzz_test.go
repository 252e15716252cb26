package strictyaml

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Every text is either read, and then reads the same when it is written again, or refused with a place that the text has.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", good, good + "---\nname: b\n", "name: a\nnmae: b\n", "name: a\nname: b\n", "inner:\n  sizes: [1, x]\n", "name: [\n", "name: &a b\ninner: *a\n",
		"name: !!binary aGk=\n", "name: |\n  two\n  lines\n", "? [a]\n: b\n", "\ufeffname: a\n", "name: \"\\x00\"\n", "<<: {name: a}\n",
		"A: 0\ninner:\n sizes: !00000000\n00", // the library panics
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var read sample
		if err := Decode("f.yaml", []byte(text), &read); err != nil {
			var e *Error
			if !errors.As(err, &e) || e.File != "f.yaml" || e.Message == "" {
				t.Fatalf("the error is %#v", err)
			}
			// A position may be that of the end, behind the last line.
			if most := strings.Count(text, "\n") + strings.Count(text, "\r") + 2; e.Line < 0 || e.Line > most || e.Column < 0 {
				t.Errorf("%v: the text has no such place", err)
			}
			return
		}
		written, err := yaml.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		var again sample
		if err := Decode("f.yaml", written, &again); err != nil || !reflect.DeepEqual(again.Inner.Sizes, read.Inner.Sizes) && len(read.Inner.Sizes) > 0 {
			t.Errorf("%q is written as %q and read as %+v, %v", text, written, again, err)
		}
	})
}
