package vm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

// scripted is a guest without a machine: in a synctest bubble, where time is a matter of the test's own.
type scripted struct {
	out    *io.PipeReader
	in     *io.PipeWriter
	fault  chan error
	ended  chan struct{}
	status error
}

func newScripted() *scripted {
	g := &scripted{fault: make(chan error, 1), ended: make(chan struct{})}
	g.out, g.in = io.Pipe()
	return g
}

func (g *scripted) Events(ctx context.Context, h func(wire.Event) error) error {
	defer context.AfterFunc(ctx, func() { g.out.CloseWithError(io.EOF) })()
	return events(ctx, g.out, h)
}
func (g *scripted) Fault() <-chan error    { return g.fault }
func (g *scripted) Ended() <-chan struct{} { return g.ended }
func (g *scripted) Wait(ctx context.Context) error {
	select {
	case <-g.ended:
		return g.status
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *scripted) say(e wire.Event)  { _ = json.NewEncoder(g.in).Encode(e) }
func (g *scripted) die(status error)  { g.status = status; g.in.Close(); close(g.ended) }
func (g *scripted) phase(name string) { g.say(wire.Event{Kind: wire.EventPhase, Phase: name}) }
func (g *scripted) endPhase(sec float64, name string) {
	g.say(wire.Event{Kind: wire.EventEnd, Phase: name, Seconds: sec})
}

// follow runs script beside a follower, as Follow does with a machine.
func follow(t *testing.T, d Deadlines, report progress.Func, script func(*scripted)) (wire.Result, []artifact.Phase, error) {
	t.Helper()
	g := newScripted()
	var wg sync.WaitGroup
	wg.Go(func() { script(g) })
	defer wg.Wait()
	f := newFollower(d, report)
	err := f.follow(t.Context(), g)
	if err == nil {
		err = f.end(t.Context(), g)
	}
	return f.result, f.phases, err
}

func TestFollowAGoodRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		report := func(e progress.Event) {
			seen = append(seen, string(e.Kind)+" "+e.Phase+" "+e.Message)
		}
		// Every phase is long, none is silent, and being alive is enough where no bound is set.
		d := Deadlines{Limit: Limit{Silence: 10 * time.Second, Total: time.Hour}, Phase: map[string]Limit{"boot": {Silence: time.Minute}, "copy": {Total: 10 * time.Minute}}}
		result, phases, err := follow(t, d, report, func(g *scripted) {
			time.Sleep(40 * time.Second)
			g.say(wire.Event{Kind: wire.EventHello, Message: "5.14"})
			g.phase("copy")
			for i := range 60 {
				time.Sleep(9 * time.Second)
				g.say(wire.Event{Kind: wire.EventProgress, Phase: "copy", Done: int64(i), Total: 60})
			}
			g.endPhase(540, "copy")
			g.say(wire.Event{Kind: wire.EventWarning, Message: "no unit rngd.service"})
			g.say(wire.Event{Kind: "later", Message: "a kind of a newer agent"})
			g.say(wire.Event{Kind: wire.EventDone, Result: &wire.Result{UEFI: true}})
			time.Sleep(5 * time.Second)
			g.die(nil)
		})
		if err != nil || !result.UEFI {
			t.Fatalf("got %+v, %v", result, err)
		}
		if want := []artifact.Phase{{Name: "boot", Seconds: 40}, {Name: "copy", Seconds: 540}}; !slices.Equal(phases, want) {
			t.Errorf("phases are %v, want %v", phases, want)
		}
		if len(seen) != 65 || !slices.Contains(seen, "warning  no unit rngd.service") || !slices.Contains(seen, "log boot machine runs Linux 5.14") {
			t.Errorf("%d reports: %q", len(seen), seen)
		}
	})
}

func TestFollowFailures(t *testing.T) {
	hello := func(g *scripted) { g.say(wire.Event{Kind: wire.EventHello}) }
	limits := Deadlines{Limit: Limit{Silence: time.Minute, Total: time.Hour}, Phase: map[string]Limit{"scripts": {Silence: 10 * time.Minute, Total: 20 * time.Minute}}}
	for _, test := range []struct {
		name   string
		script func(*scripted)
		want   error
		text   string
	}{
		{"never reports", func(*scripted) {}, &SilentError{Phase: "boot", After: time.Minute}, "did not report within 1m0s"},
		{"silent", func(g *scripted) { hello(g); g.phase("storage") }, &SilentError{Phase: "storage", After: time.Minute}, "fell silent for 1m0s in phase storage"},
		{"alive but nothing new", func(g *scripted) {
			hello(g)
			g.phase("scripts")
			for {
				time.Sleep(5 * time.Second)
				if json.NewEncoder(g.in).Encode(wire.Event{Kind: wire.EventAlive}) != nil {
					return
				}
			}
		}, &SilentError{Phase: "scripts", After: 10 * time.Minute, Alive: true}, "what it runs there hangs"},
		{"a phase without end", func(g *scripted) {
			hello(g)
			g.phase("scripts")
			for json.NewEncoder(g.in).Encode(wire.Event{Kind: wire.EventLog, Message: "and on"}) == nil {
				time.Sleep(5 * time.Second)
			}
		}, &SilentError{Phase: "scripts", After: 20 * time.Minute, Whole: true}, "not done with phase scripts after 20m0s"},
		{"a machine without end", func(g *scripted) {
			hello(g)
			for json.NewEncoder(g.in).Encode(wire.Event{Kind: wire.EventLog, Message: "and on"}) == nil {
				time.Sleep(5 * time.Second)
			}
		}, &SilentError{Phase: "after boot", After: time.Hour, Whole: true}, "after 1h0m0s"},
		{"reported", func(g *scripted) {
			hello(g)
			g.say(wire.Event{Kind: wire.EventFailed, Failure: &wire.Failure{Phase: "post", Message: "exit 3", File: "a.ks", Line: 9}})
		}, &GuestError{}, "a.ks:9: exit 3 (in the machine, phase post)"},
		{"reported without details", func(g *scripted) {
			hello(g)
			g.phase("storage")
			g.say(wire.Event{Kind: wire.EventFailed, Message: "no disk"})
		}, &GuestError{}, "no disk (in the machine, phase storage)"},
		{"powered off", func(g *scripted) { hello(g); g.die(nil) }, &DiedError{}, "powered off without a report"},
		{"QEMU crashed", func(g *scripted) { hello(g); g.die(errors.New("signal: aborted")) }, &DiedError{}, "signal: aborted"},
		{"within a message", func(g *scripted) { hello(g); _, _ = g.in.Write([]byte(`{"kind":`)); g.die(nil) }, &DiedError{}, "without a report"},
		{"hung up but runs on", func(g *scripted) { hello(g); g.in.Close() }, &DiedError{}, "its agent has hung up"},
		{"no event", func(g *scripted) { _, _ = g.in.Write([]byte("Welcome to GRUB!\n")) }, &DiedError{}, "what is no event"},
		{"disk full", func(g *scripted) { hello(g); g.fault <- errors.New("no space left on this host") }, &DiedError{}, "no space left on this host"},
		{"done but stays", func(g *scripted) { hello(g); g.say(wire.Event{Kind: wire.EventDone}) }, &DiedError{}, "done but does not power off"},
		{"done but QEMU crashes", func(g *scripted) {
			hello(g)
			g.say(wire.Event{Kind: wire.EventDone})
			g.die(errors.New("exit status 1"))
		}, &DiedError{}, "exit status 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, err := follow(t, limits, nil, test.script)
				if err == nil || !strings.Contains(err.Error(), test.text) {
					t.Fatalf("got %v, want %q", err, test.text)
				}
				switch want := test.want.(type) {
				case *SilentError:
					var got *SilentError
					if !errors.As(err, &got) || got.Phase != want.Phase || got.After != want.After || got.Whole != want.Whole || got.Alive != want.Alive {
						t.Errorf("got %#v", err)
					}
				case *GuestError:
					var got *GuestError
					if !errors.As(err, &got) {
						t.Errorf("got %T", err)
					}
				case *DiedError:
					var got *DiedError
					if !errors.As(err, &got) {
						t.Errorf("got %T", err)
					}
				}
			})
		})
	}
}

func TestFollowIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupt := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		g := newScripted()
		go func() {
			g.say(wire.Event{Kind: wire.EventHello})
			g.phase("copy")
			time.Sleep(time.Minute)
			cancel(interrupt)
		}()
		err := newFollower(Deadlines{}, nil).follow(ctx, g)
		if !errors.Is(err, interrupt) || !strings.Contains(err.Error(), "phase copy") {
			t.Errorf("got %v", err)
		}
	})
}

func TestErrorsNameTheLikelyCause(t *testing.T) {
	e := Evidence{Cause: "the guest ran out of memory"}
	for _, err := range []error{&SilentError{Phase: "boot", Evidence: e}, &DiedError{Phase: "boot", Err: io.EOF, Evidence: e}} {
		if !strings.HasSuffix(err.Error(), "; likely cause: the guest ran out of memory") {
			t.Errorf("%v", err)
		}
		if got, ok := EvidenceOf(errors.Join(io.EOF, err)); !ok || got.Cause != e.Cause {
			t.Errorf("the evidence of %v is %v, %v", err, got, ok)
		}
	}
	if _, ok := EvidenceOf(io.EOF); ok {
		t.Error("evidence out of nothing")
	}
}
