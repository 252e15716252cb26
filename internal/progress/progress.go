// Package progress carries what a long job has to say while it runs, from whatever room does the work to whoever shows it.
// It only defines the event and the way to pass it on; showing is internal/ui's.
package progress

import (
	"context"
	"time"
)

// Kind says what an event means.
type Kind string

// The kinds of event. A step starts, then progresses and logs, and ends in exactly one of done, skipped or failed.
const (
	Started  Kind = "started"
	Progress Kind = "progress"
	Log      Kind = "log"
	Warning  Kind = "warning"
	Done     Kind = "done"
	Skipped  Kind = "skipped"
	Failed   Kind = "failed"
)

// Unit is what Event.Done and Event.Total count.
type Unit string

// Units that are shown in a way of their own; any other word is shown after the numbers.
const (
	Bytes    Unit = "bytes"
	Packages Unit = "packages"
	Percent  Unit = "percent"
)

// Event is one thing that happened. It marshals to one JSON line, which is what --json prints.
type Event struct {
	Time    time.Time `json:"time"`              // UTC; set by whoever shows it when zero
	Kind    Kind      `json:"kind"`              //
	Build   string    `json:"build,omitempty"`   // the plan's name, where one process runs several builds
	Step    string    `json:"step,omitempty"`    // the step of the build, such as "fetch"; set by the engine
	Phase   string    `json:"phase,omitempty"`   // a part of the step, such as "storage" in the machine
	Message string    `json:"message,omitempty"` // for people, one line
	Done    int64     `json:"done,omitempty"`    // how much is done, in Unit
	Total   int64     `json:"total,omitempty"`   // how much there is; 0 is not known
	Unit    Unit      `json:"unit,omitempty"`    //
	Seconds float64   `json:"seconds,omitempty"` // how long it took, for done and phases
}

// Func receives events. It may be called from several goroutines and must not block for long. A nil Func drops them.
type Func func(Event)

// Report passes e on; it is safe on a nil Func.
func (f Func) Report(e Event) {
	if f != nil {
		f(e)
	}
}

// Log passes on a line for people.
func (f Func) Log(message string) { f.Report(Event{Kind: Log, Message: message}) }

// Warn passes on a line that people should not miss.
func (f Func) Warn(message string) { f.Report(Event{Kind: Warning, Message: message}) }

// Count passes on how far a phase has come.
func (f Func) Count(phase string, done, total int64, unit Unit) {
	f.Report(Event{Kind: Progress, Phase: phase, Done: done, Total: total, Unit: unit})
}

// Phase runs work as a named part of a step and reports how long it took.
func (f Func) Phase(ctx context.Context, name string, work func(context.Context) error) error {
	start := time.Now()
	err := work(ctx)
	if err == nil {
		f.Report(Event{Kind: Log, Phase: name, Message: name + " done", Seconds: time.Since(start).Seconds()})
	}
	return err
}
