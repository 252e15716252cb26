package strictyaml

import (
	"errors"
	"strings"
	"testing"
)

type sample struct {
	Name  string `yaml:"name"`
	Inner struct {
		Sizes []int `yaml:"sizes"`
	} `yaml:"inner"`
}

const good = "name: a\ninner:\n  sizes: [1, 2]\n"

func TestDecode(t *testing.T) {
	var s sample
	if err := Decode("f.yaml", []byte(good), &s); err != nil || s.Name != "a" || len(s.Inner.Sizes) != 2 {
		t.Fatalf("%+v: %v", s, err)
	}
	for name, c := range map[string]struct {
		text         string
		line, column int
	}{
		"unknown key":   {"name: a\nnmae: b\n", 2, 1},
		"twice":         {"name: a\nname: b\n", 2, 1},
		"wrong type":    {"inner:\n  sizes: [1, x]\n", 2, 14},
		"syntax":        {"name: [\n", 1, 7},
		"empty":         {"", 0, 0},
		"two documents": {good + "---\nname: b\n", 0, 0},
		"too large":     {"name: " + strings.Repeat("a", MaxSize), 0, 0},
	} {
		var e *Error
		err := Decode("f.yaml", []byte(c.text), &sample{})
		if !errors.As(err, &e) || e.Line != c.line || e.Column != c.column || !strings.HasPrefix(err.Error(), "f.yaml:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAt(t *testing.T) {
	for path, want := range map[string]string{
		"$.inner.sizes[1]": "f.yaml:3:14: inner.sizes[1]: no",
		"$.inner.absent":   "f.yaml:3:8: inner.absent: no", // its parent, whose first value stands there
		"$.absent":         "f.yaml: absent: no",
	} {
		if got := At("f.yaml", []byte(good), path, "no").Error(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
