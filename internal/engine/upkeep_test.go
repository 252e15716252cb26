package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/test/self"
)

// builder is the environment that makes the test's own program a build in a process of its own: the folder of results.
const builder = "QUARRY_TEST_BUILDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(builder); dir != "" {
		if err := buildAgain(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// buildAgain makes or finds a few results many times, and looks whether they stay while it uses them.
func buildAgain(dir string) error {
	for round := range 60 {
		r := &Runner{Dir: dir}
		var files []artifact.File
		for _, text := range []string{"a", "b", "c"} {
			out, err := Do(context.Background(), r, copyStep(new(atomic.Int32)), input{Text: text})
			if err != nil {
				return err
			}
			files = append(files, out.File)
		}
		time.Sleep(2 * time.Millisecond)
		for _, f := range files {
			if _, err := os.Stat(f.Path); err != nil {
				return fmt.Errorf("round %d: a result was removed while a build used it: %w", round, err)
			}
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}

func TestNoResultIsRemovedWhileABuildUsesIt(t *testing.T) {
	dir := t.TempDir()
	removed := 0
	self.Beside(t, 3, builder+"="+dir, func() { removed += discardAll(t, dir) })
	if removed == 0 {
		t.Error("nothing was removed meanwhile: the test shows nothing")
	}
	// Nothing holds anything any more: all can go, locks too.
	discardAll(t, dir)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func discardAll(t *testing.T, dir string) int {
	t.Helper()
	all, err := Results(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range all {
		gone, err := Discard(t.Context(), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if gone {
			n++
		}
	}
	return n
}

func TestResultsAndDiscard(t *testing.T) {
	dir := t.TempDir()
	elsewhere := filepath.Join(t.TempDir(), "stored")
	if err := os.WriteFile(elsewhere, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	step := Step[input, files]{Name: "two-files", Run: func(_ context.Context, _ input, env Env) (files, error) {
		own := filepath.Join(env.Dir, "own")
		return files{{Path: own, Size: 5000}, {Path: elsewhere}}, os.WriteFile(own, make([]byte, 5000), 0o644)
	}}
	r := &Runner{Dir: dir}
	for _, text := range []string{"a", "b"} {
		if _, err := Do(t.Context(), r, step, input{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cut-off-0123456789ab", "somebody's"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Results(dir)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %+v; want two results and one that was cut off", err, all)
	}
	if cut := all[0]; cut.Whole || cut.Step() != "cut-off" {
		t.Errorf("cut off: %+v", cut)
	}
	for _, s := range all[1:] {
		if !s.Whole || s.Step() != "two-files" || s.Size < 5000 || len(s.Needs) != 1 || s.Needs[0] != elsewhere || time.Since(s.Used) > time.Hour {
			t.Errorf("got %+v", s)
		}
		if gone, err := Discard(t.Context(), s, nil); gone || err != nil {
			t.Errorf("in use: %v, %v", gone, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// One that is used after it was listed stays.
	old := time.Now().Add(-time.Hour)
	for i := range all[1:] {
		if err := os.Chtimes(filepath.Join(all[1+i].Dir, resultName), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if all, err = Results(dir); err != nil {
		t.Fatal(err)
	}
	again := &Runner{Dir: dir}
	if _, err := Do(t.Context(), again, step, input{Text: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	removed := 0
	for _, s := range all {
		if gone, err := Discard(t.Context(), s, nil); err != nil {
			t.Error(err)
		} else if gone {
			removed++
		}
	}
	left, err := os.ReadDir(dir)
	if removed != 2 || err != nil || len(left) != 4 { // the folder, its two locks, and what is not ours
		t.Errorf("%d removed, left %v, %v; want the unused and the cut off removed", removed, left, err)
	}
}

type files []artifact.File

func (f files) Files() []artifact.File { return f }
