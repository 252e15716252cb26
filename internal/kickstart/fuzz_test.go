package kickstart

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// seeds are the kickstarts in testdata and a few hard lines.
func seeds(f *testing.F) (all []string) {
	names, err := filepath.Glob("testdata/*.ks")
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, string(data))
	}
	return append(all, "part / --size=1 -- x\n", "timezone --\n", "%addon \"\" \"\"\n%end\n", "keyboard -- -A\n", "lang -- \"--a b\"\n", "%packages\n-@^a\n@^a\n-@b\n@b\n%end", "realm join --no-password x\n", "auth a\nauth b",
		"raid / --device=md0 --level=1 raid.01 raid.02\n", "volgroup vg pv.01\n", "mount /dev/sda1 / --reformat\n", "nvdimm use --namespace=n\n",
		"%include a.ks\n%post\n%include b\n%end\n", "%ksappend a.ks\ntext\n", "%post\n%include a.ks\nx\n%end", "logvol / --vgname=a --name=b --percent=1\n",
		"bootloader --md5pass=x --append=\"a=\\\"b c\\\" d\"\n", "network --bridgeslaves=a --bridgeopts=b=c\n", "%addon \"a b\" c\n\n%end", "rootpw \"\\\\ x\" --iscrypted\r\n")
}

func FuzzSplitWords(f *testing.F) {
	for _, seed := range seeds(f) {
		for line := range strings.Lines(seed) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, rest := nextLine(text)
		if line+rest != text || line == "" && text != "" {
			t.Fatalf("%q is cut into %q and %q", text, line, rest)
		}
		words, err := SplitWords(line)
		if err != nil {
			return
		}
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, quote(w))
		}
		again, err := SplitWords(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(again, words) {
			t.Fatalf("%q is split into %q, and %q after quoting: %v", line, words, again, err)
		}
	})
}

// FuzzParse holds that the canonical text of whatever parses means the same.
func FuzzParse(f *testing.F) {
	for _, seed := range seeds(f) {
		for _, v := range Versions() {
			f.Add(seed, int(v))
		}
	}
	f.Fuzz(func(t *testing.T, text string, number int) {
		version := Versions()[uint(number)%3]
		file, err := Parse("a.ks", strings.NewReader(text), Options{Version: version})
		if err != nil {
			return
		}
		again, err := Parse("a.ks", strings.NewReader(file.String()), Options{Version: version})
		if err != nil {
			t.Fatalf("the canonical text of %q doesn't parse: %v\n%s", text, err, file)
		}
		if again.String() != file.String() {
			t.Fatalf("the canonical text of %q reads back differently:\n%s\nand then:\n%s", text, file, again)
		}
		if len(Diff(file, again)) != 0 {
			t.Fatalf("the canonical text of %q differs: %v", text, Diff(file, again))
		}
	})
}

// FuzzFlatten holds that the flat text of whatever parses parses to an equal file, without includes.
func FuzzFlatten(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed, "text\n%include b\n", "skipx")
		f.Add(seed, "%post\necho\n%end\n", "vim\n@core\n")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		includes := fstest.MapFS{"a.ks": {Data: []byte(a)}, "b": {Data: []byte(b)}}
		o := Options{Version: RHEL9, Includes: includes, MaxBytes: 1 << 20}
		file, err := Parse("main.ks", strings.NewReader(text), o)
		if err != nil {
			return
		}
		again, err := Parse("main.ks", strings.NewReader(file.Flat()), Options{Version: RHEL9})
		if err != nil {
			t.Fatalf("the flat text doesn't parse: %v\n%q", err, file.Flat())
		}
		if again.String() != file.String() {
			t.Fatalf("the flat text %q reads back differently:\n%s\nand flat:\n%s", file.Flat(), file, again)
		}
	})
}

// FuzzFormat holds that formatting changes no meaning and is done after one time.
func FuzzFormat(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := Options{Version: RHEL9}
		formatted, err := Format("a.ks", strings.NewReader(text), o)
		if err != nil {
			return
		}
		if again, err := Format("a.ks", strings.NewReader(formatted), o); err != nil || again != formatted {
			t.Fatalf("%q is formatted %q and then %q: %v", text, formatted, again, err)
		}
		file, err := Parse("a.ks", strings.NewReader(text), o)
		if err != nil {
			return
		}
		after, err := Parse("a.ks", strings.NewReader(formatted), o)
		if err != nil || after.String() != file.String() {
			t.Fatalf("%q means something else as %q: %v", text, formatted, err)
		}
	})
}
