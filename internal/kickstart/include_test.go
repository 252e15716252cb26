package kickstart

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func tree(files map[string]string) fs.FS {
	all := fstest.MapFS{}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// parseTree reads main/a.ks of a tree.
func parseTree(t *testing.T, files map[string]string, o Options) (*File, error) {
	t.Helper()
	o.Version, o.Includes = RHEL9, tree(files)
	return Parse("main/a.ks", strings.NewReader(files["main/a.ks"]), o)
}

func TestIncludesAreFoundFromTheRootThenBeside(t *testing.T) {
	file, err := parseTree(t, map[string]string{
		"main/a.ks":     "%include b.ks\n%include main/c.ks\n%include /d.ks # from the root\n%include ../d.ks\n%ksappend e.ks\n",
		"main/b.ks":     "lang beside\n%include sub/f.ks\n",
		"main/sub/f.ks": "keyboard nested",
		"main/c.ks":     "%post\necho c\n%end\n%packages\n%include p.inc\n%include p.inc\n%end\n# no line end",
		"main/p.inc":    "vim",
		"d.ks":          "skipx\n",
		"main/e.ks":     "text\n",
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if file.Lang().System != "beside" || file.Keyboard().Keymap != "nested" || !file.SkipX() || len(file.Scripts) != 1 {
		t.Errorf("%s", file)
	}
	if pos := file.Commands[1].Pos; pos != (Position{"main/sub/f.ks", 1, 1}) {
		t.Errorf("nested command at %v", pos)
	}
	want := "lang beside\nkeyboard nested\n%post\necho c\n%end\n%packages\nvim\nvim\n%end\n# no line end\nskipx\nskipx\ntext\n"
	if file.Flat() != want {
		t.Errorf("flat: %q, want %q", file.Flat(), want)
	}
}

func TestBadIncludes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"escape":         {"%include ../../etc/passwd\n", "leaves the folder"},
		"missing":        {"%include nothing.ks\n", "can't include nothing.ks"},
		"folder":         {"%include ../main\n", "can't include ../main"},
		"no name":        {"%include\n", "needs the name"},
		"URL":            {"%include https://example.org/a.ks\n", "isn't allowed here"},
		"cycle":          {"%include a.ks\n", "includes itself"},
		"long cycle":     {"%include loop.ks\n", "includes itself"},
		"append cycle":   {"%ksappend a.ks\n", "includes itself"},
		"no file":        {"%ksappend\n", "%ksappend needs"},
		"open section":   {"%include open.ks\ntext\n", "isn't closed in the file that opens it"},
		"closed section": {"%post\n%include end.ks\n", "closes section %post, which it doesn't open"},
		"absolute":       {"%include /tmp/part.ks\n", "if %pre writes it"},
	} {
		_, err := parseTree(t, map[string]string{
			"main/a.ks": c.text, "main/open.ks": "%post\necho\n", "main/end.ks": "%end\n", "main/loop.ks": "%include /main/loop2.ks", "main/loop2.ks": "%include loop.ks",
		}, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestIncludeThatPreWrites(t *testing.T) {
	file, err := parseTree(t, map[string]string{"main/a.ks": "%include /tmp/part.ks\ntext\n"}, Options{AllowMissingIncludes: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Unresolved) != 1 || file.Unresolved[0].Ref != "/tmp/part.ks" || len(file.Warnings) != 1 {
		t.Errorf("%+v %v", file.Unresolved, file.Warnings)
	}
	if file.Flat() != "%include /tmp/part.ks\ntext\n" {
		t.Errorf("the flat text loses the include: %q", file.Flat())
	}
}

func TestFetchedInclude(t *testing.T) {
	fetch := func(url string) (io.ReadCloser, error) {
		if url != "https://example.org/a.ks" {
			return nil, errors.New("no such page")
		}
		return io.NopCloser(strings.NewReader("lang fetched\n")), nil
	}
	file := mustParse(t, "%include https://example.org/a.ks\n", Options{Fetch: fetch})
	if file.Lang().System != "fetched" || file.Commands[0].Pos.File != "https://example.org/a.ks" {
		t.Errorf("%s %v", file, file.Commands[0].Pos)
	}
	if _, err := parseText(t, "%include https://example.org/b.ks\n", Options{Fetch: fetch}); err == nil || !strings.Contains(err.Error(), "no such page") {
		t.Errorf("error %v", err)
	}
}

func TestIncludeBounds(t *testing.T) {
	files := map[string]string{"main/a.ks": "%include b.ks\n", "main/b.ks": "%include c.ks\n%include c.ks\n", "main/c.ks": "text\n"}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"depth": {Options{MaxDepth: 1}, "nested deeper than 1"},
		"count": {Options{MaxIncludes: 2}, "more than 2 includes"},
		"bytes": {Options{MaxBytes: 45}, "larger than 45 bytes together"},
		"items": {Options{MaxItems: 1}, "more than 1 commands"},
	} {
		if _, err := parseTree(t, files, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
