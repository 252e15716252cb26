package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
)

// Limits of the conversation with QEMU, which a guest may have taken over.
const (
	maxReply     = 1 << 20          // bytes of one message
	maxEvents    = 256              // events that wait for a slow listener; more are dropped
	replyTimeout = 10 * time.Second // of commands that come without a context
)

// monitor speaks the QEMU Machine Protocol over a connection that is already there. It implements go-qemu's qmp.Monitor, so
// that its typed commands can be used; unlike go-qemu's own it has contexts, bounds, and replies matched by id.
type monitor struct {
	conn  io.ReadWriteCloser
	ready chan struct{} // closed by the greeting
	ended chan struct{} // closed when the conversation is over; err says why

	write sync.Mutex // one command at a time is written

	mu        sync.Mutex
	err       error
	last      int
	waiting   map[string]chan message
	listeners map[chan qmp.Event]struct{}
}

var _ qmp.Monitor = (*monitor)(nil)

// message is everything that QEMU says: a greeting, a reply or an event.
type message struct {
	Greeting json.RawMessage `json:"QMP"`
	ID       string          `json:"id"`
	Return   json.RawMessage `json:"return"`
	Error    *replyError     `json:"error"`
	Event    string          `json:"event"`
}

// replyError is QEMU's refusal of a command.
type replyError struct {
	Class string `json:"class"`
	Desc  string `json:"desc"`
}

func (e *replyError) Error() string { return e.Desc }

func newMonitor(conn io.ReadWriteCloser) *monitor {
	m := &monitor{
		conn: conn, ready: make(chan struct{}), ended: make(chan struct{}),
		waiting: map[string]chan message{}, listeners: map[chan qmp.Event]struct{}{},
	}
	go m.read()
	return m
}

// read takes what QEMU says until it is over.
func (m *monitor) read() {
	lines := bufio.NewScanner(m.conn)
	lines.Buffer(nil, maxReply)
	err := m.take(lines)
	if err == nil {
		err = lines.Err()
	}
	if err == nil {
		err = io.EOF
	}
	m.conn.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
	for l := range m.listeners {
		close(l)
	}
	m.listeners = nil
	close(m.ended)
}

func (m *monitor) take(lines *bufio.Scanner) error {
	greeted := false
	for lines.Scan() {
		var msg message
		if err := json.Unmarshal(lines.Bytes(), &msg); err != nil {
			return fmt.Errorf("QEMU's monitor sent what is no message: %w", err)
		}
		switch {
		case msg.Greeting != nil:
			if !greeted {
				close(m.ready)
			}
			greeted = true
		case msg.Event != "":
			var e qmp.Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				return fmt.Errorf("QEMU's monitor sent a broken event: %w", err)
			}
			m.tell(e)
		default:
			m.answer(msg)
		}
	}
	return nil
}

func (m *monitor) tell(e qmp.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for l := range m.listeners {
		select {
		case l <- e:
		default: // a listener that does not listen must not stop the replies
		}
	}
}

func (m *monitor) answer(msg message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if reply, ok := m.waiting[msg.ID]; ok {
		delete(m.waiting, msg.ID)
		reply <- msg // never blocks: one place, one answer
	}
}

// connect waits for the greeting and ends the negotiation, after which commands are accepted.
func (m *monitor) connect(ctx context.Context) error {
	select {
	case <-m.ready:
	case <-m.ended:
		return m.over()
	case <-ctx.Done():
		return fmt.Errorf("waiting for QEMU's monitor: %w", context.Cause(ctx))
	}
	_, err := m.run(ctx, []byte(`{"execute":"qmp_capabilities"}`))
	return err
}

// run sends one command, without an id, and returns QEMU's whole reply to it.
func (m *monitor) run(ctx context.Context, command []byte) ([]byte, error) {
	var c struct {
		Execute   string          `json:"execute"`
		Arguments json.RawMessage `json:"arguments,omitempty"`
		ID        string          `json:"id"`
	}
	if err := json.Unmarshal(command, &c); err != nil {
		return nil, fmt.Errorf("QEMU monitor command: %w", err)
	}
	reply := make(chan message, 1)
	m.mu.Lock()
	m.last++
	c.ID = strconv.Itoa(m.last)
	m.waiting[c.ID] = reply
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.waiting, c.ID)
		m.mu.Unlock()
	}()
	if err := m.send(ctx, c); err != nil {
		return nil, fmt.Errorf("QEMU %s: %w", c.Execute, err)
	}
	select {
	case msg := <-reply:
		if msg.Error != nil {
			return nil, fmt.Errorf("QEMU %s: %w", c.Execute, msg.Error)
		}
		return json.Marshal(map[string]json.RawMessage{"return": msg.Return})
	case <-m.ended:
		return nil, fmt.Errorf("QEMU %s: %w", c.Execute, m.over())
	case <-ctx.Done():
		return nil, fmt.Errorf("QEMU %s: no answer: %w", c.Execute, context.Cause(ctx))
	}
}

// send writes v as a line; the end of ctx interrupts it where the connection knows deadlines.
func (m *monitor) send(ctx context.Context, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	m.write.Lock()
	defer m.write.Unlock()
	if c, ok := m.conn.(interface{ SetWriteDeadline(time.Time) error }); ok {
		if deadline, ok := ctx.Deadline(); ok {
			_ = c.SetWriteDeadline(deadline)
			defer func() { _ = c.SetWriteDeadline(time.Time{}) }()
		}
	}
	_, err = m.conn.Write(append(line, '\n'))
	return err
}

func (m *monitor) over() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Errorf("the monitor is closed: %w", m.err)
}

// Connect is part of qmp.Monitor.
func (m *monitor) Connect() error { return within(m.connect) }

// Disconnect is part of qmp.Monitor.
func (m *monitor) Disconnect() error { return m.conn.Close() }

// Run is part of qmp.Monitor; it waits replyTimeout at most.
func (m *monitor) Run(command []byte) ([]byte, error) {
	var out []byte
	err := within(func(ctx context.Context) (err error) {
		out, err = m.run(ctx, command)
		return err
	})
	return out, err
}

func within(do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), replyTimeout, errors.New("QEMU took too long"))
	defer cancel()
	return do(ctx)
}

// Events is part of qmp.Monitor. The channel is closed when ctx or the conversation ends.
func (m *monitor) Events(ctx context.Context) (<-chan qmp.Event, error) {
	l := make(chan qmp.Event, maxEvents)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listeners == nil {
		return nil, fmt.Errorf("the monitor is closed: %w", m.err)
	}
	m.listeners[l] = struct{}{}
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if _, ok := m.listeners[l]; ok {
			delete(m.listeners, l)
			close(l)
		}
	})
	return l, nil
}

// bound is the monitor with ctx for every command: what go-qemu's typed commands, which know no contexts, are called on.
type bound struct {
	*monitor
	ctx context.Context
}

// Run runs a command until the bound context ends.
func (b bound) Run(command []byte) ([]byte, error) { return b.run(b.ctx, command) }
