package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

type input struct {
	Text   string
	Helper string `json:"-"`
}

type output struct{ File artifact.File }

func (o output) Files() []artifact.File { return []artifact.File{o.File} }

// copyStep writes its input's text to a file and counts how often it really ran.
func copyStep(runs *atomic.Int32) Step[input, output] {
	return Step[input, output]{Name: "copy", Version: 1, Run: func(_ context.Context, in input, env Env) (output, error) {
		runs.Add(1)
		path := filepath.Join(env.Dir, "text")
		err := os.WriteFile(path, []byte(in.Text), 0o644)
		return output{artifact.File{Path: path, Size: int64(len(in.Text))}}, err
	}}
}

func TestDoRunsOnceForTheSameInput(t *testing.T) {
	var runs atomic.Int32
	var records []Record
	r := &Runner{Dir: t.TempDir(), OnDone: func(rec Record) { records = append(records, rec) }}
	step := copyStep(&runs)
	first, err := Do(t.Context(), r, step, input{Text: "a", Helper: "here"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Do(t.Context(), r, step, input{Text: "a", Helper: "there"})
	if err != nil {
		t.Fatal(err)
	}
	if first != second || runs.Load() != 1 {
		t.Errorf("ran %d times, results %v and %v; want once and equal", runs.Load(), first, second)
	}
	if len(records) != 2 || records[0].Skipped || !records[1].Skipped {
		t.Errorf("records %+v; want one run and one skip", records)
	}
	if _, err := Do(t.Context(), r, step, input{Text: "b"}); err != nil || runs.Load() != 2 {
		t.Errorf("another input: %v, %d runs; want a second run", err, runs.Load())
	}
	step.Version++
	if _, err := Do(t.Context(), r, step, input{Text: "b"}); err != nil || runs.Load() != 3 {
		t.Errorf("another version: %v, %d runs; want a third run", err, runs.Load())
	}
}

func TestFreshRunsOnceMore(t *testing.T) {
	var runs atomic.Int32
	r := &Runner{Dir: t.TempDir()}
	for i, c := range []struct {
		fresh string
		want  int32
	}{{"", 1}, {"a", 2}, {"a", 2}, {"b", 3}, {"", 3}} {
		r.Fresh = c.fresh
		if _, err := Do(t.Context(), r, copyStep(&runs), input{Text: "a"}); err != nil || runs.Load() != c.want {
			t.Errorf("call %d, fresh %q: %v, %d runs; want %d", i, c.fresh, err, runs.Load(), c.want)
		}
	}
}

func TestDoRunsAgainWhenAFileIsGoneOrCut(t *testing.T) {
	for name, spoil := range map[string]func(string) error{
		"gone": os.Remove,
		"cut":  func(path string) error { return os.Truncate(path, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			var runs atomic.Int32
			r := &Runner{Dir: t.TempDir()}
			out, err := Do(t.Context(), r, copyStep(&runs), input{Text: "abc"})
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(out.File.Path); err != nil {
				t.Fatal(err)
			}
			if _, err := Do(t.Context(), r, copyStep(&runs), input{Text: "abc"}); err != nil || runs.Load() != 2 {
				t.Errorf("%v after %d runs; want a second run", err, runs.Load())
			}
			if data, _ := os.ReadFile(out.File.Path); string(data) != "abc" {
				t.Errorf("the file holds %q after the second run", data)
			}
		})
	}
}

func TestDoLeavesNothingOfAFailedStep(t *testing.T) {
	boom := errors.New("boom")
	r := &Runner{Dir: t.TempDir()}
	var kinds []progress.Kind
	r.Report = func(e progress.Event) { kinds = append(kinds, e.Kind) }
	step := Step[input, output]{Name: "fail", Run: func(_ context.Context, _ input, env Env) (output, error) {
		if err := os.WriteFile(filepath.Join(env.Dir, "half"), nil, 0o644); err != nil {
			return output{}, err
		}
		return output{}, boom
	}}
	_, err := Do(t.Context(), r, step, input{})
	var stepErr *StepError
	if !errors.Is(err, boom) || !errors.As(err, &stepErr) || stepErr.Step != "fail" {
		t.Errorf("error %v; want a StepError of fail around boom", err)
	}
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			t.Errorf("left %s behind", e.Name())
		}
	}
	if len(kinds) != 2 || kinds[0] != progress.Started || kinds[1] != progress.Failed {
		t.Errorf("events %v; want started and failed", kinds)
	}
}

func TestDoClearsWhatACrashLeft(t *testing.T) {
	var runs atomic.Int32
	r := &Runner{Dir: t.TempDir()}
	out, err := Do(t.Context(), r, copyStep(&runs), input{Text: "a"})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(out.File.Path)
	// As a run would leave it that was killed before its result was written.
	if err := os.Remove(filepath.Join(dir, resultName)); err != nil {
		t.Fatal(err)
	}
	stray := filepath.Join(dir, "stray")
	if err := os.WriteFile(stray, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Do(t.Context(), r, copyStep(&runs), input{Text: "a"}); err != nil || runs.Load() != 2 {
		t.Fatalf("%v after %d runs; want a second run", err, runs.Load())
	}
	if _, err := os.Stat(stray); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stray file is still there: %v", err)
	}
}

func TestDoMakesOneResultForManyAtOnce(t *testing.T) {
	var runs atomic.Int32
	r := &Runner{Dir: t.TempDir()}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := Do(t.Context(), r, copyStep(&runs), input{Text: "a"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() != 1 {
		t.Errorf("ran %d times; want once", runs.Load())
	}
}
