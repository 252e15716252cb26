package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// clock is a time that stands still until it is moved.
type clock struct{ now time.Time }

func (c *clock) time() time.Time { return c.now }

func start() (*Reporter, *clock, *bytes.Buffer) {
	c, out := &clock{now: time.Unix(1, 0)}, &bytes.Buffer{}
	return newReporter(out, c.time), c, out
}

// events reads back what the host would.
func events(t *testing.T, out *bytes.Buffer) []wire.Event {
	t.Helper()
	var all []wire.Event
	d := wire.NewDecoder(out)
	for {
		e, err := d.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
}

func TestPhase(t *testing.T) {
	r, c, out := start()
	err := r.Phase(t.Context(), "copy", func(context.Context) error {
		c.now = c.now.Add(3 * time.Second)
		r.Progress(1, 2, "bytes")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events(t, out) {
		got = append(got, fmt.Sprint(e.Kind, e.Phase, e.Seconds))
	}
	if want := "phasecopy0 progresscopy0 endcopy3"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestFailureNamesPlaceAndTail(t *testing.T) {
	r, _, out := start()
	err := r.Phase(t.Context(), "scripts", func(context.Context) error {
		r.Log("before")
		return &Error{File: "a.ks", Line: 7, Exit: 3, Err: errors.New("it ended with 3")}
	})
	r.Failed(fmt.Errorf("wrapped: %w", err))
	all := events(t, out)
	last := all[len(all)-1]
	f := last.Failure
	if last.Kind != wire.EventFailed || f == nil || f.Phase != "scripts" || f.File != "a.ks" || f.Line != 7 || f.Exit != 3 || strings.Join(f.Tail, "|") != "before" {
		t.Errorf("%+v %+v", last, f)
	}
	if f.Message != "wrapped: a.ks:7: it ended with 3" {
		t.Errorf("the message is %q", f.Message)
	}
}

func TestThePlaceIsSaidOnce(t *testing.T) {
	if f := Failure(&Error{File: "a.ks", Line: 7, Err: errors.New("it ended with 3")}); f.Message != "it ended with 3" {
		t.Errorf("%+v", f)
	}
}

func TestPanicIsAFailure(t *testing.T) {
	r, _, _ := start()
	err := r.Phase(t.Context(), "storage", func(context.Context) error { panic("oh") })
	if f := Failure(err); f.Phase != "storage" || !strings.Contains(f.Message, "oh") {
		t.Errorf("%+v", f)
	}
}

func TestInnerPhaseIsBlamed(t *testing.T) {
	r, _, _ := start()
	err := r.Phase(t.Context(), "outer", func(ctx context.Context) error {
		return r.Phase(ctx, "inner", func(context.Context) error { return errors.New("x") })
	})
	if f := Failure(err); f.Phase != "inner" {
		t.Errorf("%+v", f)
	}
}

func TestFloodIsBounded(t *testing.T) {
	r, c, out := start()
	for range burst + 500 {
		r.Log("y")
	}
	c.now = c.now.Add(time.Second)
	r.Log("after")
	logs, warning, lastLine := 0, "", ""
	for _, e := range events(t, out) {
		switch e.Kind {
		case wire.EventLog:
			logs++
			lastLine = e.Message
		case wire.EventWarning:
			warning = e.Message
		}
	}
	if logs != burst+1 || lastLine != "after" || !strings.HasPrefix(warning, "500 lines") {
		t.Errorf("%d lines, the last %q, warning %q", logs, lastLine, warning)
	}
}

func TestLongMessagesPassTheHost(t *testing.T) {
	r, _, out := start()
	r.Log(strings.Repeat("x", 1<<20))
	if all := events(t, out); len(all) != 1 || len(all[0].Message) > wire.MaxMessage {
		t.Errorf("%d events", len(all))
	}
}

func TestHeartbeatTellsOfSilence(t *testing.T) {
	pr, pw := io.Pipe()
	r := New(pw)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.Heartbeat(ctx, time.Millisecond); close(ended) }()
	e, err := wire.NewDecoder(pr).Next()
	if err != nil || e.Kind != wire.EventAlive || e.Seconds <= 0 {
		t.Errorf("%+v %v", e, err)
	}
	cancel()
	_ = pr.Close()
	<-ended
	if r.Err() != nil && !errors.Is(r.Err(), io.ErrClosedPipe) {
		t.Error(r.Err())
	}
}

func TestLines(t *testing.T) {
	var got []string
	l := NewLines(func(s string) { got = append(got, s) })
	for _, part := range []string{"a\nb", "c\n\n", "10%\r20%\r\n", "end  "} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Error(n, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "a|bc|10%|20%|end"; strings.Join(got, "|") != want {
		t.Errorf("%v, want %s", got, want)
	}
	got = nil
	if _, err := l.Write(bytes.Repeat([]byte("x"), 3*maxPending+5)); err != nil || len(got) != 3 || len(got[0]) != maxPending {
		t.Errorf("%d lines of a line without end, %v", len(got), err)
	}
}
