package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

// bootPhase is the name of what happens before the agent's first report.
const bootPhase = "boot"

// endTime is how long a machine may take to power off after its work is done.
const endTime = 60 * time.Second

// Limit bounds a phase or a whole machine; a field that is 0 sets no bound.
type Limit struct {
	Silence time.Duration // without news; an agent that only says that it is alive tells nothing new
	Total   time.Duration
}

// Deadlines are the time that a machine may take.
type Deadlines struct {
	Limit                  // Silence of every phase that has no own; Total of the machine
	Phase map[string]Limit // by phase name; "boot" is the time until the agent reports
}

// silence returns the bound of a phase.
func (d Deadlines) silence(phase string) time.Duration {
	if own := d.Phase[phase].Silence; own != 0 {
		return own
	}
	return d.Silence
}

// Follow reports what the machine does until its agent has said that it is done or has failed, and leaves no machine behind,
// whatever it returns. The phases are in order, "boot" first, and there on failure too. Errors: *GuestError when the agent reported a failure,
// *SilentError for a missed deadline, *DiedError for an end without a report, and ctx's cause, wrapped, when ctx ended.
func Follow(ctx context.Context, r *Running, d Deadlines, report progress.Func) (wire.Result, []artifact.Phase, error) {
	defer r.Kill() //nolint:contextcheck // a machine is ended whatever became of the context
	f := newFollower(d, report)
	err := f.follow(ctx, r)
	if err == nil {
		err = f.end(ctx, r)
	}
	return f.result, f.phases, r.explain(err)
}

// explain adds to err what is known of the machine.
func (r *Running) explain(err error) error {
	var guest *GuestError
	var silent *SilentError
	var died *DiedError
	switch {
	case errors.As(err, &guest):
		guest.Evidence = r.Evidence()
	case errors.As(err, &silent):
		silent.Evidence = r.Evidence()
	case errors.As(err, &died):
		died.Evidence = r.Evidence()
	}
	return err
}

// guest is what a follower needs of a running machine.
type guest interface {
	Events(context.Context, func(wire.Event) error) error
	Fault() <-chan error
	Ended() <-chan struct{}
	Wait(context.Context) error
}

// follower keeps the clocks of one machine and turns its events into progress.
type follower struct {
	deadlines Deadlines
	report    progress.Func

	started   time.Time // of the machine
	phase     string
	phaseFrom time.Time
	news      time.Time // the last thing that was new
	alive     bool      // heard of since
	phases    []artifact.Phase
	result    wire.Result
}

func newFollower(d Deadlines, report progress.Func) *follower {
	now := time.Now()
	return &follower{deadlines: d, report: report, started: now, phase: bootPhase, phaseFrom: now, news: now}
}

// errDone ends the reading of events when the agent is done.
var errDone = errors.New("done")

// follow returns nil when the agent is done.
func (f *follower) follow(ctx context.Context, g guest) error {
	ctx, cancel := context.WithCancel(ctx)
	heard, reading := make(chan wire.Event), make(chan error, 1)
	go func() {
		reading <- g.Events(ctx, func(e wire.Event) error {
			select {
			case heard <- e:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	read := false
	defer func() {
		cancel()
		if !read {
			<-reading //nolint:errcheck // its end is waited for; what it said is of no use any more
		}
	}()
	for {
		late, err := f.deadline(time.Now())
		if err != nil {
			return err
		}
		timer := time.NewTimer(time.Until(late))
		select {
		case e := <-heard:
			err = f.take(e)
		case err = <-reading:
			read = true
			err = f.lost(ctx, g, err)
		case err = <-g.Fault():
			err = &DiedError{Phase: f.phase, Err: err}
		case <-timer.C:
		case <-ctx.Done():
			err = fmt.Errorf("the machine was stopped in phase %s: %w", f.phase, context.Cause(ctx))
		}
		timer.Stop()
		if errors.Is(err, errDone) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// deadline returns when the next bound is reached, or the error of one that was.
func (f *follower) deadline(now time.Time) (time.Time, error) {
	d := f.deadlines
	late := now.Add(time.Hour)
	for _, bound := range []struct {
		from  time.Time
		after time.Duration
		whole bool
	}{
		{f.news, d.silence(f.phase), false},
		{f.phaseFrom, d.Phase[f.phase].Total, true},
		{f.started, d.Total, true},
	} {
		if bound.after == 0 {
			continue
		}
		at := bound.from.Add(bound.after)
		if !at.After(now) {
			return at, &SilentError{Phase: f.phase, After: bound.after, Whole: bound.whole, Alive: f.alive}
		}
		if at.Before(late) {
			late = at
		}
	}
	return late, nil
}

// take handles one event of the agent.
func (f *follower) take(e wire.Event) error {
	if f.phase == bootPhase {
		f.close(time.Since(f.phaseFrom).Seconds())
	}
	if e.Kind == wire.EventAlive {
		f.alive = true
		return nil
	}
	f.news, f.alive = time.Now(), false
	switch e.Kind {
	case wire.EventHello:
		f.report.Report(progress.Event{Kind: progress.Log, Phase: bootPhase, Message: "machine runs Linux " + e.Message})
	case wire.EventPhase:
		f.phase, f.phaseFrom = e.Phase, f.news
		f.report.Report(progress.Event{Kind: progress.Log, Phase: e.Phase, Message: e.Message})
	case wire.EventEnd:
		f.phase = e.Phase
		f.close(e.Seconds)
	case wire.EventProgress:
		f.report.Count(e.Phase, e.Done, e.Total, progress.Unit(e.Unit))
	case wire.EventWarning:
		f.report.Report(progress.Event{Kind: progress.Warning, Phase: e.Phase, Message: e.Message})
	case wire.EventLog:
		f.report.Report(progress.Event{Kind: progress.Log, Phase: e.Phase, Message: e.Message})
	case wire.EventDone:
		if e.Result != nil {
			f.result = *e.Result
		}
		return errDone
	case wire.EventFailed:
		failure := wire.Failure{Phase: f.phase, Message: e.Message}
		if e.Failure != nil {
			failure = *e.Failure
		}
		return &GuestError{Failure: failure}
	}
	return nil // a kind that a newer agent knows
}

// close ends the current phase.
func (f *follower) close(seconds float64) {
	f.phases = append(f.phases, artifact.Phase{Name: f.phase, Seconds: seconds})
	f.report.Report(progress.Event{Kind: progress.Log, Phase: f.phase, Message: "done", Seconds: seconds})
	f.phase, f.phaseFrom = "after "+f.phase, time.Now()
}

// lost explains why there are no more events although the agent was not done.
func (f *follower) lost(ctx context.Context, g guest, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the machine was stopped in phase %s: %w", f.phase, context.Cause(ctx))
	}
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		// The port is closed by QEMU's end, of which its exit status tells more.
		wait, cancel := context.WithTimeoutCause(ctx, quitTime, errors.New("its agent has hung up"))
		defer cancel()
		err = errors.New("it powered off without a report")
		if end := g.Wait(wait); end != nil {
			err = end
		}
	}
	select {
	case fault := <-g.Fault():
		err = fault
	default:
	}
	return &DiedError{Phase: f.phase, Err: err}
}

// end waits for the machine to power off, so that its disks are complete.
func (f *follower) end(ctx context.Context, g guest) error {
	ctx, cancel := context.WithTimeoutCause(ctx, endTime, errors.New("it is done but does not power off"))
	defer cancel()
	select {
	case err := <-g.Fault():
		return &DiedError{Phase: "power-off", Err: err}
	case <-g.Ended():
	case <-ctx.Done():
	}
	if err := g.Wait(ctx); err != nil {
		return &DiedError{Phase: "power-off", Err: err}
	}
	return nil
}

// events decodes what comes over a connection until it ends, which is no error, or h fails.
func events(ctx context.Context, conn io.Reader, h func(wire.Event) error) error {
	in := wire.NewDecoder(conn)
	for {
		e, err := in.Next()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
		if err := h(e); err != nil {
			return err
		}
	}
}
