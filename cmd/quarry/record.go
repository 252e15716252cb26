package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/ui"
)

// recorder shows a build's events, writes them all to the log of the build, keeps the build in the history, and what is needed for its end.
type recorder struct {
	dir     string // of the build's logs
	id      string // of the build in the history
	name    string // of the build, where there are several; for its events
	outcome builders.Outcome
	same    *builders.Unchanged // why nothing was built; nil when something was

	view ui.View
	log  *logrus.Logger
	file *os.File

	ledger *ledger
	// keep writes something to the history, also after the build's context has ended. That it can't is a warning: the build goes on.
	keep func(func(context.Context) error)

	mu      sync.Mutex
	steps   []engine.Record
	started map[string]time.Time // of steps
	last    string               // path of the record that quarry publish finds: of the last build of this name that made images
}

// newRecorder begins a build of p: it makes the folder of its logs and its entry in the history.
func newRecorder(ctx context.Context, dirs folders, ledger *ledger, p plan.Plan, view ui.View) (*recorder, error) {
	dir, err := dirs.logDir(p.Name(), time.Now())
	if err != nil {
		return nil, fmt.Errorf("making the log folder: %w", err)
	}
	file, err := os.Create(filepath.Join(dir, logName))
	if err != nil {
		return nil, err
	}
	log := logrus.New()
	log.SetOutput(file)
	log.SetLevel(logrus.DebugLevel)
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true})
	id, err := ledger.start(ctx, p, dir)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r := &recorder{
		dir: dir, id: id, view: view, log: log, file: file, ledger: ledger, started: map[string]time.Time{}, last: recordPath(dirs, p.Name()),
	}
	r.keep = func(write func(context.Context) error) {
		if err := write(context.WithoutCancel(ctx)); err != nil {
			r.report(progress.Event{Kind: progress.Warning, Message: err.Error()})
		}
	}
	return r, nil
}

// recordName is a build's record in the folder of its logs.
const recordName = "build.json"

// recordPath is where the record of the last build of a name that made images is.
func recordPath(dirs folders, name string) string {
	return filepath.Join(dirs.state, "builds", name+".json")
}

// report shows an event and logs it.
func (r *recorder) report(e progress.Event) {
	e.Build = r.name
	r.view.Show(e)
	entry := r.log.WithFields(logrus.Fields{"step": e.Step, "kind": string(e.Kind)})
	if e.Phase != "" {
		entry = entry.WithField("phase", e.Phase)
	}
	if e.Seconds > 0 {
		entry = entry.WithField("seconds", fmt.Sprintf("%.2f", e.Seconds))
	}
	switch e.Kind {
	case progress.Started:
		r.mu.Lock()
		r.started[e.Step] = time.Now()
		r.mu.Unlock()
		entry.Info(e.Message)
	case progress.Failed:
		entry.Error(e.Message)
	case progress.Warning:
		entry.Warn(e.Message)
	case progress.Progress:
		entry.Debug(ui.Amount(e))
	default:
		entry.Info(e.Message)
	}
}

// step keeps a finished step for the table and in the history.
func (r *recorder) step(s engine.Record) {
	r.mu.Lock()
	r.steps = append(r.steps, s)
	r.mu.Unlock()
	kept := history.Step{Name: s.Step, State: history.Done, Seconds: s.Seconds, Dir: s.Dir}
	if s.Skipped {
		kept.State = history.Skipped
	}
	r.keep(func(ctx context.Context) error { return r.ledger.history.FinishStep(ctx, r.id, kept) })
}

// failed keeps the step that a build failed in.
func (r *recorder) failed(err *engine.StepError) {
	kept := history.Step{Name: err.Step, State: history.Failed}
	r.mu.Lock()
	if at, ok := r.started[err.Step]; ok {
		kept.Seconds = time.Since(at).Seconds()
	}
	r.mu.Unlock()
	r.keep(func(ctx context.Context) error { return r.ledger.history.FinishStep(ctx, r.id, kept) })
}

// result is what a build came to, for machines.
type result struct {
	Run string `json:"run,omitempty"` // ids in the history
	ID  string `json:"id,omitempty"`
	builders.Outcome
	Steps []engine.Record `json:"steps"`
	Logs  string          `json:"logs"`            // folder
	Error string          `json:"error,omitempty"` // why it failed
}

func (r *recorder) result(err error) result {
	res := result{Run: r.ledger.run, ID: r.id, Outcome: r.outcome, Steps: r.steps, Logs: r.dir}
	if err != nil {
		res.Error = err.Error()
	}
	return res
}

// save writes the build's record: beside its logs, and when it has images where quarry publish looks for it.
func (r *recorder) save(failure error) error {
	data, err := json.MarshalIndent(r.result(failure), "", "  ")
	if err != nil {
		return fmt.Errorf("writing the build's record: %w", err)
	}
	data = append(data, '\n')
	if err := durable.WriteFile(filepath.Join(r.dir, recordName), data); err != nil {
		return err
	}
	if len(r.outcome.Images) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.last), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(r.last, data)
}

func (r *recorder) close() { r.file.Close() }
