package engine

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

func TestSweepTakesWhatNobodyFinishes(t *testing.T) {
	dir := t.TempDir()
	r := &Runner{Dir: dir}
	inside := make(chan string)
	finish := make(chan struct{})
	done := make(chan error, 1)
	go func() { // a build that is under way
		_, err := Do(t.Context(), &Runner{Dir: dir}, Step[input, output]{Name: "slow", Run: func(_ context.Context, _ input, env Env) (output, error) {
			inside <- env.Dir
			<-finish
			return output{}, os.WriteFile(filepath.Join(env.Dir, "made"), nil, 0o644)
		}}, input{})
		done <- err
	}()
	busy := <-inside
	whole, err := Do(t.Context(), r, copyStep(new(atomic.Int32)), input{Text: "a"})
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "half-0123456789ab")
	stranger := filepath.Join(dir, "notes")
	for _, d := range []string{half, stranger} {
		if err := os.MkdirAll(filepath.Join(d, "in"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := Sweep(t.Context(), dir, nil)
	if err != nil || len(removed) != 1 || removed[0] != half {
		t.Errorf("removed %v, %v; want %s alone", removed, err, half)
	}
	for _, path := range []string{busy, whole.File.Path, stranger} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	close(finish)
	if err := <-done; err != nil {
		t.Errorf("the build that was under way: %v", err)
	}
	if removed, err := Sweep(t.Context(), filepath.Join(dir, "nowhere"), nil); err != nil || removed != nil {
		t.Errorf("a folder that is not there: %v, %v", removed, err)
	}
}
