package history

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each older version of the tables, filled as that version's program did it (testdata/NAME/filled.sql), is brought up to date without loss.
func TestEveryOlderVersionIsBroughtUpToDate(t *testing.T) {
	names := must(steps())(t)
	for old := range len(names) {
		if old == 0 {
			continue // an empty file: every other test
		}
		name := filepath.Base(names[old-1])
		t.Run(name, func(t *testing.T) {
			ctx, path := t.Context(), filepath.Join(t.TempDir(), FileName)
			h := bare(t, path)
			ok(t, h.migrateTo(ctx, names[:old]))
			filled, err := os.ReadFile(filepath.Join("testdata", strings.TrimSuffix(name, ".sql"), "filled.sql"))
			ok(t, err)
			if _, err := h.db.ExecContext(ctx, string(filled)); err != nil {
				t.Fatal(err)
			}
			ok(t, h.Close())

			h = openTest(t, path)
			if _, have, _, err := header(ctx, h.db); err != nil || have != len(names) {
				t.Fatalf("version %d, %v; want %d", have, err, len(names))
			}
			b := must(h.Build(ctx, "b0000001"))(t)
			if b.State != Done || b.Image != cloud || len(b.Steps) != 2 || len(b.Artifacts) != 1 || len(b.Artifacts[0].Published) != 1 || len(b.Reports) != 1 {
				t.Errorf("the build lost something: %+v", b)
			}
			var want []Package
			if old >= 2 {
				want = []Package{pkg("bash", "1"), pkg("zsh", "2")}
			}
			for _, id := range []string{"b0000001", "b0000002"} { // both have the same set
				if d := cmp.Diff(want, must(h.Packages(ctx, id, Locked))(t)); d != "" {
					t.Errorf("packages of %s: %s", id, d)
				}
			}
			// And it is written to as ever.
			_, build := start(t, h, cloud)
			ok(t, h.FinishBuild(ctx, build, Outcome{State: Done, Locked: []Package{pkg("bash", "1")}}))
			if got := must(h.Packages(ctx, build, Locked))(t); len(got) != 1 {
				t.Errorf("new packages: %v", got)
			}
		})
	}
}

// bare opens a history without looking at its tables.
func bare(t *testing.T, path string) *History {
	t.Helper()
	db, err := database(path)
	ok(t, err)
	return &History{db: db}
}

func TestNewerForeignAndDamagedFilesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		words string
	}{
		"newer": {func(t *testing.T, path string) {
			h := openTest(t, path)
			_, err := h.db.Exec("PRAGMA user_version = 999")
			ok(t, errors.Join(err, h.Close()))
		}, "a newer quarry has written it (version 999, this quarry knows 3)"},
		"another program's": {func(t *testing.T, path string) {
			h := bare(t, path)
			_, err := h.db.Exec("CREATE TABLE songs (name TEXT)")
			ok(t, errors.Join(err, h.Close()))
		}, "another program's database"},
		"no database": {func(t *testing.T, path string) {
			ok(t, os.WriteFile(path, []byte(strings.Repeat("hello ", 1000)), 0o600))
		}, "it is no SQLite database: move it away"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), FileName)
			c.spoil(t, path)
			before := must(os.ReadFile(path))(t)
			_, err := Open(t.Context(), path)
			if err == nil || !strings.Contains(err.Error(), c.words) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v; want an error with %q and the path", err, c.words)
			}
			if after := must(os.ReadFile(path))(t); name == "newer" && string(before) != string(after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestRoots(t *testing.T) {
	ctx, h := t.Context(), newTest(t)
	build := func(dir string, running bool, published ...Publication) string {
		run, b := start(t, h, cloud)
		ok(t, h.FinishStep(ctx, b, Step{Name: "tree", State: Skipped, Dir: "/shared"}))
		ok(t, h.FinishStep(ctx, b, Step{Name: "disk", State: Done, Dir: dir}))
		ok(t, h.FinishStep(ctx, b, Step{Name: "publish", State: Done}))
		if !running {
			ok(t, h.FinishBuild(ctx, b, Outcome{State: Done, Artifacts: []Artifact{{Digest: "sha256:x", Published: published}}}))
			ok(t, h.FinishRun(ctx, run, Done, ""))
		}
		return b
	}
	build("/old", false)
	working := build("/running", true)
	build("/published-before", false, Publication{Path: "/out/1"})
	published := build("/published", false, Publication{Path: "/out/2"})
	build("/not-kept", false)
	kept := build("/kept", false)
	got := map[string][]string{}
	for _, r := range must(h.Roots(ctx, 1))(t) {
		got[r.Build] = r.Dirs
		if r.Reason == "" {
			t.Errorf("no reason for %s", r.Build)
		}
	}
	want := map[string][]string{working: {"/running", "/shared"}, published: {"/published", "/shared"}, kept: {"/kept", "/shared"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
