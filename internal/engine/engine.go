// Package engine runs steps and remembers what they made. A step is a function from a typed value to a typed value; its key is the digest of
// its name, its version and its input, and a step whose key has a result on disk is not run again. The engine knows no step by
// name, and no room below it knows the engine.
//
// On disk, under Runner.Dir:
//
//	NAME-KEY/             the step's folder: the files of its result
//	NAME-KEY/.result.json its result, written last and renamed into place: a folder without it is left over from a run
//	                      that was cut off and is removed before the step runs again
//	NAME-KEY.lock         held while the step runs, so that two builds that want the same result make it once, in one process or two
package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
)

const resultName = ".result.json"

// Result is what a step yields: a value that can be written as JSON and that knows its files.
type Result interface {
	// Files lists the files that the result needs to be of use. A remembered result is used only while they are all
	// there with the size they had.
	Files() []artifact.File
}

// Step is one kind of work. In is written as JSON to make the key, so a field that must not count (where a helper program lies, how
// much memory to use) is tagged `json:"-"`.
type Step[In any, Out Result] struct {
	Name string
	// Version is raised when the step's code changes what it makes; results of other versions are not used.
	Version int
	// Needs says what the step takes of the host while it runs; nil is nothing.
	Needs func(In) Needs
	// Attempts is how often the step may be tried: once, which is also what 0 means, for anything that builds; a transfer may
	// be tried again. Only failures that say of themselves that they may pass are: see Retryable.
	Attempts int
	Run      func(context.Context, In, Env) (Out, error)
}

// Env is what a running step is given beside its input.
type Env struct {
	Dir     string        // the step's own folder, empty at the start; its result's files belong in there
	LogDir  string        // where logs go that are to be kept whatever happens
	Report  progress.Func // already carries the step's name
	Started time.Time
}

// Runner runs the steps of one build under one folder. Its zero value is not usable: Dir must be set.
type Runner struct {
	Dir    string        // where results live
	LogDir string        // of this build
	Report progress.Func // may be nil
	// Remove deletes a folder whose files may belong to subordinate ids; nil is os.RemoveAll.
	Remove func(context.Context, string) error
	// Pause is how long a step waits before its second attempt, and twice as long before its third; zero is DefaultPause.
	Pause time.Duration
	// OnDone is told of every step that ended well, in order; nil is nobody.
	OnDone func(Record)
	// Resources are shared with the runners of other builds; nil bounds nothing.
	Resources *Resources
	// Fresh makes every step run, once for all runners with the same word: results that were made without it, or with another, are not
	// used, and stay as they are.
	Fresh string
	// Order is the build's place among those that share the resources: lower goes first.
	Order int

	mu   sync.Mutex
	uses map[string]*flock.Flock // by folder
}

// Record is one step of a run, for the closing table.
type Record struct {
	Step    string  `json:"step"`
	Skipped bool    `json:"skipped"` // its result was there already
	Seconds float64 `json:"seconds"`
	Dir     string  `json:"dir,omitempty"` // folder of its result
}

// StepError is a step that failed.
type StepError struct {
	Step string
	Err  error
}

func (e *StepError) Error() string { return e.Step + ": " + e.Err.Error() }

func (e *StepError) Unwrap() error { return e.Err }

// Do returns s's result for in, running s if there is none yet. Errors are *StepError. When s fails or ctx ends, the step's
// folder is removed, and the next run starts this step from its beginning.
func Do[In any, Out Result](ctx context.Context, r *Runner, s Step[In, Out], in In) (Out, error) {
	out, err := do(ctx, r, s, in)
	if err != nil {
		r.report(s.Name)(progress.Event{Kind: progress.Failed, Message: err.Error()})
		return out, &StepError{Step: s.Name, Err: err}
	}
	return out, nil
}

func do[In any, Out Result](ctx context.Context, r *Runner, s Step[In, Out], in In) (Out, error) {
	var none Out
	report := r.report(s.Name)
	key, err := digest.JSON(struct {
		Name    string
		Version int
		Input   In
		Fresh   string `json:",omitempty"`
	}{s.Name, s.Version, in, r.Fresh})
	if err != nil {
		return none, err
	}
	dir := filepath.Join(r.Dir, s.Name+"-"+key.Short())
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return none, err
	}
	if err := r.use(ctx, dir); err != nil {
		return none, err
	}
	if out, ok := load[Out](dir, key); ok {
		r.skipped(s.Name, dir, report)
		return out, nil
	}
	unlock, err := lock(ctx, dir+lockSuffix, report)
	if err != nil {
		return none, err
	}
	defer unlock()
	// Another build may have made it while this one waited.
	if out, ok := load[Out](dir, key); ok {
		r.skipped(s.Name, dir, report)
		return out, nil
	}
	// Only now: who waits for a lock holds nothing that the lock's holder may be waiting for.
	var needs Needs
	if s.Needs != nil {
		needs = s.Needs(in)
	}
	release, err := r.Resources.take(ctx, r.Order, needs, func() {
		report.Log("waiting for " + needs.String() + ", which others are using")
	})
	if err != nil {
		return none, err
	}
	defer release()
	start := time.Now()
	report(progress.Event{Kind: progress.Started})
	out, err := again(ctx, r, s.Attempts, report, func() (Out, error) { return try(ctx, r, s, in, dir, key, report) })
	if err != nil {
		return none, err
	}
	seconds := time.Since(start).Seconds()
	report(progress.Event{Kind: progress.Done, Seconds: seconds})
	r.done(Record{Step: s.Name, Seconds: seconds, Dir: dir})
	return out, nil
}

// try runs a step once. When that fails its folder is gone.
func try[In any, Out Result](ctx context.Context, r *Runner, s Step[In, Out], in In, dir string, key digest.Digest, report progress.Func) (Out, error) {
	var none Out
	if err := r.remove(ctx, dir); err != nil {
		return none, fmt.Errorf("clearing what an earlier run left: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return none, err
	}
	out, err := s.Run(ctx, in, Env{Dir: dir, LogDir: r.LogDir, Report: report, Started: time.Now()})
	if err == nil {
		err = save(dir, key, out)
	}
	if err != nil {
		// The clean-up must happen even though ctx may be what ended the step.
		if rerr := r.remove(context.WithoutCancel(ctx), dir); rerr != nil {
			err = errors.Join(err, fmt.Errorf("removing the unfinished result: %w", rerr))
		}
		return none, err
	}
	return out, nil
}

// report gives events the step's name.
func (r *Runner) report(step string) progress.Func {
	return func(e progress.Event) {
		e.Step = step
		r.Report.Report(e)
	}
}

func (r *Runner) skipped(step, dir string, report progress.Func) {
	report(progress.Event{Kind: progress.Skipped, Message: "unchanged"})
	r.done(Record{Step: step, Skipped: true, Dir: dir})
}

func (r *Runner) done(rec Record) {
	if r.OnDone != nil {
		r.OnDone(rec)
	}
}

func (r *Runner) remove(ctx context.Context, dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if r.Remove != nil {
		return r.Remove(ctx, dir)
	}
	return os.RemoveAll(dir)
}

// lock takes the file lock at path, saying so when another process has it, until ctx ends.
func lock(ctx context.Context, path string, report progress.Func) (func(), error) {
	l := flock.New(path)
	got, err := l.TryLock()
	if err == nil && !got {
		report.Log("another build is making this; waiting for it")
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { _ = l.Unlock() }, nil
}

// saved is the form of a result on disk. The key stands in full: the folder's name has only its beginning.
type saved[Out any] struct {
	Key    digest.Digest `json:"key"`
	Needs  []string      `json:"needs,omitempty"` // files of the result that are not in its own folder
	Result Out           `json:"result"`
}

func load[Out Result](dir string, key digest.Digest) (Out, bool) {
	var s saved[Out]
	data, err := os.ReadFile(filepath.Join(dir, resultName))
	if err != nil || json.Unmarshal(data, &s) != nil || s.Key != key {
		return s.Result, false
	}
	for _, f := range s.Result.Files() {
		info, err := os.Stat(f.Path)
		if err != nil || (!info.IsDir() && info.Size() != f.Size) {
			return s.Result, false
		}
	}
	touch(dir)
	return s.Result, true
}

func save[Out Result](dir string, key digest.Digest, out Out) error {
	data, err := json.MarshalIndent(saved[Out]{key, outside(dir, out.Files()), out}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the result down: %w", err)
	}
	return durable.WriteFile(filepath.Join(dir, resultName), data)
}
