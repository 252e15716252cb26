package redact

import (
	"errors"
	"io/fs"
	"testing"
)

func TestURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://me:s3cret@mirror.invalid/a":       "https://me:xxxxx@mirror.invalid/a",
		"https://me:s3@cr:et@mirror.invalid:80":    "https://me:xxxxx@mirror.invalid:80",
		"https://:token@mirror.invalid":            "https://:xxxxx@mirror.invalid",
		"https://me@mirror.invalid/":               "https://me@mirror.invalid/",
		"https://mirror.invalid:8080/a@b?x=http:y": "https://mirror.invalid:8080/a@b?x=http:y",
		"https://me:s3/cret@mirror.invalid":        "https://xxxxx@mirror.invalid",
		"https://me:s3%zzcret@mirror.invalid":      "https://xxxxx@mirror.invalid",
		"/srv/a:b@c":                               "/srv/a:b@c",
		"":                                         "",
	} {
		if got := URL(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestText(t *testing.T) {
	const text, want = `get "http://a:b@c.invalid": no; https://d:e@f.invalid/x and mail@g.invalid`,
		`get "http://a:xxxxx@c.invalid": no; https://d:xxxxx@f.invalid/x and mail@g.invalid`
	if got := Text(text); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	err := Error(&fs.PathError{Op: "get", Path: "http://a:b@c.invalid", Err: fs.ErrNotExist})
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "get http://a:xxxxx@c.invalid: file does not exist" || Error(nil) != nil {
		t.Errorf("%v", err)
	}
}
