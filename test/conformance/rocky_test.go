package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/test/shared"
)

// place is where the reference met something.
type place struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Name string `json:"name"`
}

// rockyFile is what the reference says of one file of the real repository.
type rockyFile struct {
	Path     string  `json:"path"`
	OK       bool    `json:"ok"`
	Outcome  string  `json:"outcome"`
	Text     string  `json:"flattened"`
	Commands []place `json:"command_lines"`
	Sections []place `json:"sections"`
	Packages struct {
		Environment    *string  `json:"environment"`
		Excluded       []string `json:"excluded"`
		ExcludedGroups []string `json:"excluded_groups"`
		Groups         []struct {
			Name    string `json:"name"`
			Include string `json:"include"`
		} `json:"groups"`
		Packages []string `json:"packages"`
		Seen     bool     `json:"seen"`
	} `json:"packages"`
	Scripts []struct {
		Digest      string  `json:"body_sha256"`
		ErrorOnFail bool    `json:"errorOnFail"`
		InChroot    bool    `json:"inChroot"`
		Interpreter string  `json:"interp"`
		Line        int     `json:"lineno"`
		Log         *string `json:"logfile"`
		Type        string  `json:"type"`
	} `json:"scripts"`
}

// checkout clones a branch of the real repository.
func checkout(t testing.TB, branch string) fs.FS {
	t.Helper()
	dir := filepath.Join(t.TempDir(), branch)
	bundle := filepath.Join(shared.Dir(t), "data", "rocky-kickstarts.bundle")
	if err := command.Run(t.Context(), command.Cmd{Args: []string{"git", "clone", "-q", "-b", branch, bundle, dir}}); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root.FS()
}

// kickstartsOf lists the kickstarts of a tree.
func kickstartsOf(t testing.TB, tree fs.FS) (names []string) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".ks") && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("%d kickstarts: %v", len(names), err)
	}
	return names
}

func parseFile(tree fs.FS, name string, version kickstart.Version) (*kickstart.File, error) {
	src, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return kickstart.Parse(name, src, kickstart.Options{Version: version, Includes: tree})
}

// TestRocky9 holds every file of the real repository against the reference: verdict, warnings, positions, packages,
// scripts and flattened meaning.
func TestRocky9(t *testing.T) {
	var want []rockyFile
	err := readGzip(filepath.Join(shared.Dir(t), "data", "rocky-r9.json.gz"), func(src io.Reader) error {
		return json.NewDecoder(src).Decode(&want)
	})
	if err != nil {
		t.Fatal(err)
	}
	tree, empty := checkout(t, "r9"), emptyTexts(t)["RHEL9"]
	for _, w := range want {
		for _, difference := range compareRocky(tree, empty, w) {
			t.Errorf("%s: %s", w.Path, difference)
		}
	}
	t.Logf("%d files", len(want))
}

// compareRocky lists in what the file differs from the reference's answer.
func compareRocky(tree fs.FS, empty string, w rockyFile) (differences []string) {
	file, err := parseFile(tree, w.Path, kickstart.RHEL9)
	if (err == nil) != w.OK {
		return []string{fmt.Sprintf("reference: %s, here: %v", w.Outcome, err)}
	}
	if warned := w.Outcome != "ok"; warned != (len(file.Warnings) > 0) {
		differences = append(differences, fmt.Sprintf("reference: %s, here: %v", w.Outcome, file.Warnings))
	}
	flat, err := kickstart.Parse("flat.ks", strings.NewReader(file.Flat()), kickstart.Options{Version: kickstart.RHEL9})
	if err != nil {
		return append(differences, fmt.Sprintf("the flat text doesn't parse: %v", err))
	}
	for _, d := range []struct{ what, got, want string }{
		{"flattened meaning", meaningOf(file.String(), empty).String(), meaningOf(w.Text, empty).String()},
		{"canonical text of the flat text", flat.String(), file.String()},
		{"packages", packagesText(file), rockyPackages(w)},
		{"scripts", scriptsText(file), rockyScripts(w)},
		{"positions", positionsText(file), rockyPositions(w)},
	} {
		if d.got != d.want {
			differences = append(differences, fmt.Sprintf("%s differ:\n%s\nreference:\n%s", d.what, d.got, d.want))
		}
	}
	return differences
}

func packagesText(file *kickstart.File) string {
	set := file.Packages.Set()
	var groups []string
	for _, g := range set.Groups {
		include, err := g.GroupInclude.MarshalText()
		groups = append(groups, fmt.Sprint(g.Name, " ", string(include), err))
	}
	return fmt.Sprintf("%v %q\n%q\n%q\n%q\n%q", file.Packages.Seen, set.Environment, groups, set.ExcludedGroups, set.Packages, set.ExcludedPackages)
}

func rockyPackages(w rockyFile) string {
	var groups []string
	for _, g := range w.Packages.Groups {
		groups = append(groups, fmt.Sprint(g.Name, " ", g.Include, nil))
	}
	excluded := slices.Sorted(slices.Values(w.Packages.ExcludedGroups))
	slices.Sort(groups)
	environment := ""
	if w.Packages.Environment != nil {
		environment = *w.Packages.Environment
	}
	return fmt.Sprintf("%v %q\n%q\n%q\n%q\n%q", w.Packages.Seen, environment, groups, excluded, w.Packages.Packages, w.Packages.Excluded)
}

func scriptsText(file *kickstart.File) string {
	var b strings.Builder
	for _, s := range file.Scripts {
		digest := sha256.Sum256([]byte(s.Body))
		fmt.Fprintln(&b, s.Kind, s.Pos.Line, s.Interpreter, s.Log, s.ErrorOnFail, !s.NoChroot, hex.EncodeToString(digest[:]))
	}
	return b.String()
}

func rockyScripts(w rockyFile) string {
	var b strings.Builder
	for _, s := range w.Scripts {
		log := ""
		if s.Log != nil {
			log = *s.Log
		}
		fmt.Fprintln(&b, s.Type, s.Line, s.Interpreter, log, s.ErrorOnFail, s.InChroot, s.Digest)
	}
	return b.String()
}

func positionsText(file *kickstart.File) string {
	var b strings.Builder
	for _, c := range file.Commands {
		fmt.Fprintf(&b, "%s:%d\n", path.Base(c.Pos.File), c.Pos.Line)
	}
	return b.String()
}

func rockyPositions(w rockyFile) string {
	var b strings.Builder
	for _, c := range w.Commands {
		fmt.Fprintf(&b, "%s:%d\n", path.Base(c.File), c.Line)
	}
	return b.String()
}

// TestRocky8 reads every file of the older branch; none of them has an error.
func TestRocky8(t *testing.T) {
	tree := checkout(t, "r8")
	names := kickstartsOf(t, tree)
	for _, name := range names {
		file, err := parseFile(tree, name, kickstart.RHEL8)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		flat, err := kickstart.Parse("flat.ks", strings.NewReader(file.Flat()), kickstart.Options{Version: kickstart.RHEL8})
		if err != nil {
			t.Errorf("%s: the flat text doesn't parse: %v", name, err)
			continue
		}
		if flat.String() != file.String() {
			t.Errorf("%s: flat:\n%s\nwith includes:\n%s", name, flat, file)
		}
	}
	t.Logf("%d files", len(names))
}

// BenchmarkRocky9 reads and flattens the whole branch.
func BenchmarkRocky9(b *testing.B) {
	tree := checkout(b, "r9")
	names := kickstartsOf(b, tree)
	texts := map[string]string{}
	size := int64(0)
	for _, name := range names {
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			b.Fatal(err)
		}
		texts[name], size = string(data), size+int64(len(data))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range names {
			file, err := kickstart.Parse(name, strings.NewReader(texts[name]), kickstart.Options{Version: kickstart.RHEL9, Includes: tree})
			if err != nil {
				b.Fatal(err)
			}
			if file.Flat() == "" || file.String() == "" {
				b.Fatalf("%s is flattened to nothing", name)
			}
		}
	}
}
