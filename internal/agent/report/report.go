// Package report is the machine's voice: it turns what the agent does into wire events, one JSON line each, and keeps what a failing
// program printed last. It decides nothing and reads nothing; what to do about an event is the host's affair.
package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Limits on what is passed on, so that a script that floods its output can't fill the host's log. What is over the limit is counted and
// the count is told.
const (
	linesPerSecond = 400
	burst          = 4000
	keptTail       = 40
)

// Reporter writes events. It is safe for use by several goroutines. The first error of the writer is kept and returned by Err: a
// machine whose host is gone has nobody to tell.
type Reporter struct {
	mu      sync.Mutex
	out     io.Writer
	phase   string
	err     error
	now     func() time.Time
	quiet   time.Time // when something other than Alive was last sent
	budget  float64
	filled  time.Time
	dropped int
	tail    []string // the last lines of output in this phase
}

// New returns a Reporter that writes to out.
func New(out io.Writer) *Reporter { return newReporter(out, time.Now) }

func newReporter(out io.Writer, now func() time.Time) *Reporter {
	t := now()
	return &Reporter{out: out, now: now, quiet: t, filled: t, budget: burst}
}

// Err returns the first error of the writer.
func (r *Reporter) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Hello says that the agent runs on a kernel of this release.
func (r *Reporter) Hello(kernel string) { r.Send(wire.Event{Kind: wire.EventHello, Message: kernel}) }

// Send writes e with the current phase where e names none. Messages are cut to what the host accepts.
func (r *Reporter) Send(e wire.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.send(e)
}

func (r *Reporter) send(e wire.Event) {
	if e.Phase == "" {
		e.Phase = r.phase
	}
	if len(e.Message) > wire.MaxMessage {
		e.Message = e.Message[:wire.MaxMessage]
	}
	if e.Kind != wire.EventAlive {
		r.quiet = r.now()
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = r.out.Write(append(line, '\n'))
	}
	if r.err == nil {
		r.err = err
	}
}

// Phase runs work as a named phase and says how long it took. A panic within becomes an error. The error that is returned carries the
// phase and the last lines of output (see Failure).
func (r *Reporter) Phase(ctx context.Context, name string, work func(context.Context) error) (err error) {
	r.mu.Lock()
	outer := r.phase
	r.phase, r.tail = name, nil
	r.send(wire.Event{Kind: wire.EventPhase})
	r.mu.Unlock()
	start := r.now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the agent failed in a way it should not: %v", p)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.flushDropped()
		if err == nil {
			r.send(wire.Event{Kind: wire.EventEnd, Seconds: r.now().Sub(start).Seconds()})
		} else {
			err = inPhase(err, name, r.tail)
		}
		r.phase = outer
	}()
	return work(ctx)
}

// Log passes on a line of output or of the agent's own doings.
func (r *Reporter) Log(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tail = append(r.tail, cut(line))
	if len(r.tail) > keptTail {
		r.tail = r.tail[len(r.tail)-keptTail:]
	}
	now := r.now()
	r.budget = min(burst, r.budget+now.Sub(r.filled).Seconds()*linesPerSecond)
	r.filled = now
	if r.budget < 1 {
		r.dropped++
		r.quiet = now
		return
	}
	r.budget--
	r.flushDropped()
	r.send(wire.Event{Kind: wire.EventLog, Message: line})
}

// Logf is Log with a format.
func (r *Reporter) Logf(format string, args ...any) { r.Log(fmt.Sprintf(format, args...)) }

// Warnf passes on a line that people should not miss.
func (r *Reporter) Warnf(format string, args ...any) {
	r.Send(wire.Event{Kind: wire.EventWarning, Message: fmt.Sprintf(format, args...)})
}

// Progress says how far the phase has come.
func (r *Reporter) Progress(done, total int64, unit string) {
	r.Send(wire.Event{Kind: wire.EventProgress, Done: done, Total: total, Unit: unit})
}

// Done is the last event of a job that succeeded.
func (r *Reporter) Done(result wire.Result) {
	r.Send(wire.Event{Kind: wire.EventDone, Result: &result})
}

// Failed is the last event of a job that did not.
func (r *Reporter) Failed(err error) {
	f := Failure(err)
	r.Send(wire.Event{Kind: wire.EventFailed, Phase: f.Phase, Message: f.Message, Failure: &f})
}

// Heartbeat sends EventAlive every interval of silence until ctx ends. Its Seconds is how long nothing else was sent: an Alive says that
// the machine runs, not that the job gets on, and must not reset the host's deadline for silence.
func (r *Reporter) Heartbeat(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.mu.Lock()
			if silent := r.now().Sub(r.quiet); silent >= interval {
				r.send(wire.Event{Kind: wire.EventAlive, Seconds: silent.Seconds()})
			}
			r.mu.Unlock()
		}
	}
}

func (r *Reporter) flushDropped() {
	if r.dropped > 0 {
		n := r.dropped
		r.dropped = 0
		r.send(wire.Event{Kind: wire.EventWarning, Message: fmt.Sprintf("%d lines of output were left out: too many at once", n)})
	}
}

// Error is a failure that can be blamed on a place in the kickstart.
type Error struct {
	Phase string
	File  string // of the kickstart
	Line  int
	Exit  int // of the program, where one failed
	Tail  []string
	Err   error
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s: %v", place(e.File, e.Line), e.Err)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// At blames err on a line of the kickstart; nil stays nil.
func At(file string, line int, err error) error {
	if err == nil {
		return nil
	}
	return &Error{File: file, Line: line, Err: err}
}

// Failure is what err has to tell the host.
func Failure(err error) wire.Failure {
	f := wire.Failure{Message: err.Error()}
	var e *Error
	for err := err; errors.As(err, &e); err = e.Err {
		if f.Phase == "" {
			f.Phase = e.Phase
		}
		if f.Line == 0 {
			f.File, f.Line = e.File, e.Line
		}
		if f.Exit == 0 {
			f.Exit = e.Exit
		}
		if f.Tail == nil {
			f.Tail = e.Tail
		}
	}
	if f.File != "" { // the host says the place itself
		f.Message = strings.TrimPrefix(f.Message, place(f.File, f.Line)+": ")
	}
	return f
}

func inPhase(err error, phase string, tail []string) error {
	var e *Error
	if errors.As(err, &e) && e.Phase != "" {
		return err // an inner phase has said it
	}
	return &Error{Phase: phase, Tail: append([]string(nil), tail...), Err: err}
}

func place(file string, line int) string {
	if file == "" {
		return fmt.Sprintf("line %d of the kickstart", line)
	}
	return fmt.Sprintf("%s:%d", file, line)
}

func cut(line string) string {
	if len(line) > 512 {
		return line[:512]
	}
	return line
}
