package guestagent

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	guest "github.com/quarry-project/quarry/test/guestagent"
)

// port is a connection as a machine's port is one: what is written waits for its reader.
func port(t *testing.T) (host, machine net.Conn) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var dialer net.Dialer
	if host, err = dialer.DialContext(t.Context(), "tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if machine, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close(); machine.Close() })
	return host, machine
}

func serve(t *testing.T, g *guest.Guest) *Client {
	t.Helper()
	host, machine := port(t)
	go func() { _ = g.Serve(machine) }()
	return New(host)
}

func TestCommands(t *testing.T) {
	off := make(chan struct{})
	c := serve(t, &guest.Guest{
		Commands: map[string]bool{"guest-ping": true, "guest-get-users": true, "guest-exec": true, "guest-file-open": false},
		System:   map[string]string{"id": "rocky", "pretty-name": "Rocky Linux 9.6", "kernel-release": "5.14.0"},
		Users:    func() []string { return []string{"liveuser"} },
		Exec: func(argv []string) (int, string) {
			return 3, strings.Join(argv, " ") + "\n"
		},
		PowerOff: func() { close(off) },
	})
	ctx := t.Context()
	if err := errors.Join(c.Connect(ctx), c.Ping(ctx)); err != nil {
		t.Fatal(err)
	}
	names, err := c.Commands(ctx)
	if slices.Sort(names); err != nil || !slices.Equal(names, []string{"guest-exec", "guest-get-users", "guest-ping"}) {
		t.Errorf("commands %q, %v", names, err)
	}
	if s, err := c.System(ctx); err != nil || s != (System{"rocky", "Rocky Linux 9.6", "5.14.0"}) {
		t.Errorf("system %+v, %v", s, err)
	}
	if all, err := c.Sessions(ctx); err != nil || len(all) != 1 || all[0].User != "liveuser" {
		t.Errorf("sessions %+v, %v", all, err)
	}
	if r, err := c.Run(ctx, time.Millisecond, "/bin/echo", "a"); err != nil || r != (Result{Code: 3, Out: "/bin/echo a\n"}) {
		t.Errorf("ran %+v, %v", r, err)
	}
	if err := c.PowerOff(ctx); err != nil {
		t.Error(err)
	}
	<-off
}

// A refusal is an answer: the conversation goes on.
func TestRefusal(t *testing.T) {
	c := serve(t, &guest.Guest{Commands: map[string]bool{"guest-exec": false}})
	var refused *Refusal
	if _, err := c.Run(t.Context(), time.Millisecond, "/bin/true"); !errors.As(err, &refused) || refused.Class != "CommandNotFound" {
		t.Errorf("got %v", err)
	}
	if err := c.Ping(t.Context()); err != nil || c.last != 1 {
		t.Errorf("after %d greetings %v", c.last, err)
	}
}

// What an agent of before has left in the port, and the answers to greetings that came too late, are skipped.
func TestGreetingSkipsWhatLiesInThePort(t *testing.T) {
	host, machine := port(t)
	c := New(host)
	c.last = 6
	if _, err := machine.Write([]byte("half a rep\xff{\"return\": 6}\n{\"return\": {}}\n\xffnoise\n\xff{\"return\": 7}\n{\"return\": {}}\n")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Connect(t.Context()), c.Ping(t.Context())); err != nil {
		t.Error(err)
	}
}

// An agent that starts late, or has dropped the first greeting, gets another one.
func TestGreetingIsRepeated(t *testing.T) {
	host, machine := port(t)
	c := New(host)
	if err := c.greetWithin(t.Context(), time.Millisecond); !errors.Is(err, errSilent) {
		t.Fatalf("nobody is there, and it says %v", err)
	}
	go func() { _ = (&guest.Guest{}).Serve(machine) }()
	if err := c.Connect(t.Context()); err != nil || c.last != 2 {
		t.Errorf("after %d greetings %v", c.last, err)
	}
}

func TestConversationEnds(t *testing.T) {
	gone, cancel := context.WithCancelCause(t.Context())
	host, machine := port(t)
	c := New(host)
	stop := errors.New("enough")
	time.AfterFunc(10*time.Millisecond, func() { cancel(stop) })
	if err := c.Connect(gone); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	machine.Close()
	if err := c.Connect(t.Context()); err == nil || errors.Is(err, errSilent) {
		t.Errorf("a closed port gives %v", err)
	}
}

// Whatever the guest says, the client does not crash, and what it has read is bounded.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		"\xff{\"return\": 1}\n{\"return\": [{\"user\": \"u\", \"login-time\": 1e9}]}\n",
		"\xff{\"return\": 1}\n{\"error\": {\"class\": \"GenericError\", \"desc\": \"\\u001b[2J\"}}\n",
		"\xff{\"return\": \"1\"}\n", "\xff\xff\xff{\"return\": 1}\n{}\n", "\xff{\"return\": 1}\n{\"return\": {\"pid\": -1}}\n{\"return\": {\"exited\": true, \"out-data\": \"====\"}}\n",
		"\xff{\"return\": 1}\n" + strings.Repeat("[", 1000) + "\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		for _, ask := range []func(*Client) error{
			func(c *Client) error { _, err := c.Sessions(t.Context()); return err },
			func(c *Client) error { _, err := c.Commands(t.Context()); return err },
			func(c *Client) error { _, err := c.System(t.Context()); return err },
			func(c *Client) error { _, err := c.Run(t.Context(), 0, "/bin/true"); return err },
		} {
			host, machine := net.Pipe()
			go func() {
				go func() {
					b := make([]byte, 512)
					for {
						if _, err := machine.Read(b); err != nil {
							return
						}
					}
				}()
				_, _ = machine.Write(said)
				machine.Close()
			}()
			c := New(host)
			err := ask(c)
			var refused *Refusal
			if err != nil && !errors.As(err, &refused) && c.synced {
				t.Errorf("goes on after %v", err)
			}
			host.Close()
		}
		if err := reply(said, new(json.RawMessage)); err == nil && !json.Valid(said) {
			t.Errorf("%q is a reply", said)
		}
	})
}
