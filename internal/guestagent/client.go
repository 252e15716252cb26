// Package guestagent speaks with QEMU's guest agent (qemu-ga) in a machine, over the port that the machine has for it: JSON lines, a command and
// its reply at a time (QEMU, docs/interop/qemu-ga-ref). A guest may have been made by anybody: what it says is bounded, and its
// texts are as it sent them, to be cleaned before somebody reads them. What is asked for never belongs here, nor how the machine runs.
package guestagent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// Limits of the conversation.
const (
	maxMessage = 1 << 20          // bytes of a reply
	maxSkipped = 16 << 20         // bytes that are no answer to a greeting
	greetTime  = 20 * time.Second // after which a greeting is repeated: an agent that starts may drop what lies in its port
)

// delimiter comes before the answer to a greeting; no JSON has it.
const delimiter = 0xff

// Client is one end of the conversation. Its methods are not for several goroutines.
type Client struct {
	conn   net.Conn
	in     *bufio.Reader
	last   int64 // greeting
	synced bool  // the next line is the answer to the next command
}

// New makes a client of an open port. The agent need not run yet.
func New(conn net.Conn) *Client { return &Client{conn: conn, in: bufio.NewReader(conn)} }

// Refusal is what the agent answered instead of doing as it was told.
type Refusal struct {
	Class string `json:"class"` // "CommandNotFound", "GenericError"
	Desc  string `json:"desc"`
}

func (r *Refusal) Error() string { return fmt.Sprintf("the guest agent refuses: %q", r.Desc) }

// Connect waits until the agent answers or ctx ends.
func (c *Client) Connect(ctx context.Context) error {
	for {
		err := c.greetWithin(ctx, greetTime)
		if err == nil || ctx.Err() != nil || !errors.Is(err, errSilent) {
			return err
		}
	}
}

// errSilent is an agent that has not answered in time.
var errSilent = errors.New("the guest agent does not answer")

func (c *Client) greetWithin(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSilent)
	defer cancel()
	return c.do(ctx, c.greet)
}

// do runs one exchange, which ends with ctx. After one that failed nobody knows what the next line answers.
func (c *Client) do(ctx context.Context, exchange func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := c.conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("guest agent: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	err := exchange()
	if !stop() && err != nil {
		err = context.Cause(ctx)
	}
	var refused *Refusal
	if err != nil && !errors.As(err, &refused) {
		c.synced = false
		err = fmt.Errorf("guest agent: %w", err)
	}
	return err
}

// greet brings both ends to the same place: the agent drops what it has read of a command, and says the number that it is given.
func (c *Client) greet() error {
	c.last++
	if _, err := c.conn.Write([]byte{delimiter}); err != nil {
		return err
	}
	if err := c.send("guest-sync-delimited", map[string]int64{"id": c.last}); err != nil {
		return err
	}
	for skipped := 0; skipped < maxSkipped; skipped++ {
		b, err := c.in.ReadByte()
		if err != nil {
			return err
		}
		if b != delimiter {
			continue
		}
		reply, err := c.line()
		if err != nil {
			return err
		}
		skipped += len(reply)
		var answer struct {
			Return int64 `json:"return"`
		}
		if json.Unmarshal(reply, &answer) == nil && answer.Return == c.last {
			c.synced = true
			return nil
		}
	}
	return errors.New("it says much and does not answer")
}

// line reads one line that is not too long. Where a greeting's answer comes after all, the line begins behind its delimiter.
func (c *Client) line() ([]byte, error) {
	var line []byte
	for {
		part, err := c.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxMessage:
			return nil, fmt.Errorf("it says more than %d bytes at once", maxMessage)
		case err == nil:
			return line[bytes.LastIndexByte(line, delimiter)+1:], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// call gives the agent a command and reads its reply into result, which may be nil. Errors: *Refusal, and what breaks the conversation.
func (c *Client) call(ctx context.Context, command string, arguments, result any) error {
	return c.do(ctx, func() error {
		if !c.synced {
			if err := c.greet(); err != nil {
				return err
			}
		}
		if err := c.send(command, arguments); err != nil {
			return err
		}
		line, err := c.line()
		if err != nil {
			return err
		}
		return reply(line, result)
	})
}

func (c *Client) send(command string, arguments any) error {
	text, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, arguments})
	if err != nil {
		return err
	}
	_, err = c.conn.Write(append(text, '\n'))
	return err
}

// reply reads what the agent answered.
func reply(line []byte, result any) error {
	var message struct {
		Return json.RawMessage `json:"return"`
		Error  *Refusal        `json:"error"`
	}
	if err := json.Unmarshal(line, &message); err != nil {
		return fmt.Errorf("it sent what is no reply: %w", err)
	}
	switch {
	case message.Error != nil:
		return message.Error
	case message.Return == nil:
		return errors.New("it sent a reply without an answer")
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(message.Return, result); err != nil {
		return fmt.Errorf("its answer is not understood: %w", err)
	}
	return nil
}
