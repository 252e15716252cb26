package vm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/digitalocean/go-qemu/qmp"
	"github.com/digitalocean/go-qemu/qmp/raw"
)

const greeting = `{"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":""},"capabilities":["oob"]}}` + "\r\n"

// fakeQEMU answers each command by what say returns for it.
func fakeQEMU(t *testing.T, say func(execute, id string) string) *monitor {
	t.Helper()
	ours, theirs := net.Pipe()
	m := newMonitor(ours)
	t.Cleanup(func() { m.Disconnect(); theirs.Close(); <-m.ended })
	go func() {
		_, _ = io.WriteString(theirs, greeting)
		in := bufio.NewScanner(theirs)
		for in.Scan() {
			var c struct{ Execute, ID string }
			if err := json.Unmarshal(in.Bytes(), &c); err != nil {
				return
			}
			answer := fmt.Sprintf(`{"return":{},"id":%q}`, c.ID)
			if c.Execute != "qmp_capabilities" {
				answer = say(c.Execute, c.ID)
			}
			if answer == "hang up" {
				theirs.Close()
				return
			}
			if _, err := io.WriteString(theirs, answer+"\r\n"); err != nil {
				return
			}
		}
	}()
	return m
}

func TestMonitorMatchesRepliesAmongEvents(t *testing.T) {
	var mu sync.Mutex
	var held string
	m := fakeQEMU(t, func(execute, id string) string {
		mu.Lock()
		defer mu.Unlock()
		reply := fmt.Sprintf(`{"return":{"name":%q},"id":%q}`, execute, id)
		event := `{"timestamp":{"seconds":1,"microseconds":2},"event":"NIC_RX_FILTER_CHANGED","data":{"name":"x"}}`
		if held == "" {
			held = reply // answered after the second, as out-of-band replies may be
			return event
		}
		return event + "\n" + reply + "\n" + event + "\n" + held
	})
	if err := m.Connect(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, name := range []string{"query-one", "query-two"} {
		wg.Go(func() {
			out, err := m.run(t.Context(), []byte(`{"execute":"`+name+`"}`))
			if err != nil || !strings.Contains(string(out), `"name":"`+name+`"`) {
				t.Errorf("%s got %s, %v", name, out, err)
			}
		})
	}
	wg.Wait()
}

func TestMonitorTypedCommandAndLargeReply(t *testing.T) {
	m := fakeQEMU(t, func(execute, id string) string {
		if execute == "query-status" {
			return fmt.Sprintf(`{"return":{"running":false,"singlestep":false,"status":"io-error"},"id":%q}`, id)
		}
		return fmt.Sprintf(`{"return":%q,"id":%q}`, strings.Repeat("x", 300<<10), id)
	})
	if err := m.Connect(); err != nil {
		t.Fatal(err)
	}
	info, err := raw.NewMonitor(bound{m, t.Context()}).QueryStatus()
	if err != nil || info.Status.String() != "io-error" {
		t.Errorf("got %+v, %v", info, err)
	}
	if out, err := m.Run([]byte(`{"execute":"query-large"}`)); err != nil || len(out) < 300<<10 {
		t.Errorf("a large reply came as %d bytes, %v", len(out), err)
	}
}

func TestMonitorErrors(t *testing.T) {
	interrupted := errors.New("interrupted")
	for _, test := range []struct {
		name string
		say  func(execute, id string) string
		want string
	}{
		{"refused", func(_, id string) string {
			return fmt.Sprintf(`{"error":{"class":"CommandNotFound","desc":"no such thing"},"id":%q}`, id)
		}, "QEMU frob: no such thing"},
		{"hung up", func(string, string) string { return "hang up" }, "QEMU frob: the monitor is closed: EOF"},
		{"no message", func(string, string) string { return "HMP> what?" }, "what is no message"},
		{"endless", func(string, string) string { return strings.Repeat("x", maxReply+1) }, "token too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := fakeQEMU(t, test.say)
			if err := m.Connect(); err != nil {
				t.Fatal(err)
			}
			if _, err := m.run(t.Context(), []byte(`{"execute":"frob"}`)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		m := fakeQEMU(t, func(string, string) string { cancel(interrupted); return `{"event":"NONE"}` })
		if err := m.Connect(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.run(ctx, []byte(`{"execute":"frob"}`)); !errors.Is(err, interrupted) {
			t.Errorf("got %v", err)
		}
		if len(m.waiting) != 0 {
			t.Error("the command is still waited for")
		}
	})
}

func TestMonitorEventsEnd(t *testing.T) {
	m := fakeQEMU(t, func(_, id string) string {
		return `{"event":"SHUTDOWN","data":{"guest":true}}` + "\n" + fmt.Sprintf(`{"return":{},"id":%q}`, id)
	})
	heard, err := m.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	dropped, err := m.Events(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for range dropped { // ends, because its context has
	}
	if err := m.Connect(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Run([]byte(`{"execute":"quit"}`)); err != nil {
		t.Fatal(err)
	}
	if e := <-heard; e.Event != "SHUTDOWN" || e.Data["guest"] != true {
		t.Errorf("heard %+v", e)
	}
	m.Disconnect()
	if _, open := <-heard; open {
		t.Error("the listener was not told that it is over")
	}
	<-m.ended
	if _, err := m.Events(t.Context()); err == nil {
		t.Error("a closed monitor takes listeners")
	}
}

func TestFaultOf(t *testing.T) {
	for _, test := range []struct{ event, want string }{
		{`{"event":"BLOCK_IO_ERROR","data":{"device":"drive0","nospace":true,"action":"stop","operation":"write","reason":"No space left on device"}}`, "no space left on this host for the drive drive0"},
		{`{"event":"BLOCK_IO_ERROR","data":{"device":"drive0","nospace":false,"action":"stop","reason":"Input/output error"}}`, "Input/output error"},
		{`{"event":"BLOCK_IO_ERROR","data":{"device":"drive0","action":"report"}}`, ""},
		{`{"event":"GUEST_PANICKED","data":{"action":"pause"}}`, "panicked"},
		{`{"event":"RESUME"}`, ""},
	} {
		var e qmp.Event
		if err := json.Unmarshal([]byte(test.event), &e); err != nil {
			t.Fatal(err)
		}
		err := faultOf(e)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.event, err, test.want)
		}
	}
}

// canned is a connection that says text and takes everything.
type canned struct{ io.Reader }

func (canned) Write(p []byte) (int, error) { return len(p), nil }
func (canned) Close() error                { return nil }

// FuzzMonitor: whatever QEMU sends, the conversation ends when it does, and nobody waits for ever.
func FuzzMonitor(f *testing.F) {
	for _, seed := range []string{
		greeting, greeting + `{"return":{},"id":"1"}` + "\n", greeting + `{"return":{},"id":"1"}{"return":{},"id":"1"}`,
		`{"id":"1","error":{"class":"GenericError","desc":"no"}}` + "\n", `{"event":"STOP","timestamp":{"seconds":-1}}` + "\n",
		`{"event":"STOP","data":[]}` + "\n", greeting + greeting, "{}\n{}\n", "\x00\xff\n", `{"QMP":null}` + "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		m := newMonitor(canned{bytes.NewReader(said)})
		events, err := m.Events(t.Context())
		_ = m.connect(t.Context())
		<-m.ended
		if _, runErr := m.run(t.Context(), []byte(`{"execute":"quit"}`)); runErr == nil {
			t.Error("an answer after the end")
		}
		if err == nil {
			for e := range events {
				_ = faultOf(e)
			}
		}
	})
}
