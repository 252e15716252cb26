package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/ui"
)

// recorder shows a build's events, writes them all to the log of the build, and keeps what is needed for its end.
type recorder struct {
	dir     string // of the build's logs
	outcome builders.Outcome

	view ui.View
	log  *logrus.Logger
	file *os.File

	mu    sync.Mutex
	steps []engine.Record
	last  string // path of the record that quarry publish finds: of the last build of this name that made images
}

// newRecorder makes the log folder of a build of p.
func newRecorder(dirs folders, p plan.Plan, view ui.View) (*recorder, error) {
	dir, err := dirs.logDir(p.Name(), time.Now())
	if err != nil {
		return nil, fmt.Errorf("making the log folder: %w", err)
	}
	file, err := os.Create(filepath.Join(dir, "quarry.log"))
	if err != nil {
		return nil, err
	}
	log := logrus.New()
	log.SetOutput(file)
	log.SetLevel(logrus.DebugLevel)
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true})
	return &recorder{dir: dir, view: view, log: log, file: file, last: recordPath(dirs, p.Name())}, nil
}

// recordPath is where the record of the last build of a name that made images is.
func recordPath(dirs folders, name string) string {
	return filepath.Join(dirs.state, "builds", name+".json")
}

// report shows an event and logs it.
func (r *recorder) report(e progress.Event) {
	r.view.Show(e)
	entry := r.log.WithFields(logrus.Fields{"step": e.Step, "kind": string(e.Kind)})
	if e.Phase != "" {
		entry = entry.WithField("phase", e.Phase)
	}
	if e.Seconds > 0 {
		entry = entry.WithField("seconds", fmt.Sprintf("%.2f", e.Seconds))
	}
	switch e.Kind {
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

// step keeps a finished step for the table.
func (r *recorder) step(s engine.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, s)
}

// result is what a build came to, for machines.
type result struct {
	builders.Outcome
	Steps []engine.Record `json:"steps"`
	Logs  string          `json:"logs"`            // folder
	Error string          `json:"error,omitempty"` // why it failed
}

func (r *recorder) result(err error) result {
	res := result{Outcome: r.outcome, Steps: r.steps, Logs: r.dir}
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
	if err := durable.WriteFile(filepath.Join(r.dir, "build.json"), data); err != nil {
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
