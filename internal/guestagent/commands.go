package guestagent

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// System is what the guest says that it is (guest-get-osinfo); what it does not know is empty.
type System struct {
	ID     string `json:"id"`             // "rocky"
	Name   string `json:"pretty-name"`    // "Rocky Linux 9.6 (Blue Onyx)"
	Kernel string `json:"kernel-release"` // "5.14.0-570.el9.x86_64"
}

// Session is somebody who is logged in, as the guest's utmp has it (guest-get-users).
type Session struct {
	User  string  `json:"user"`
	Login float64 `json:"login-time"` // seconds since 1970
}

// Result is how a program ended (guest-exec).
type Result struct {
	Code     int
	Out, Err string // what it wrote, cut by the agent where it is more than 16 MiB and by maxMessage here
}

// commandInfo is one of the agent's commands. Enterprise Linux forbids the ones that could change the guest.
type commandInfo struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// Commands are the names of those commands that the agent obeys.
func (c *Client) Commands(ctx context.Context) ([]string, error) {
	var info struct {
		Commands []commandInfo `json:"supported_commands"`
	}
	if err := c.call(ctx, "guest-info", nil, &info); err != nil {
		return nil, err
	}
	var names []string
	for _, command := range info.Commands {
		if command.Enabled {
			names = append(names, command.Name)
		}
	}
	return names, nil
}

// Ping is nil when the agent still answers.
func (c *Client) Ping(ctx context.Context) error { return c.call(ctx, "guest-ping", nil, nil) }

// System asks what the guest is.
func (c *Client) System(ctx context.Context) (System, error) {
	var s System
	err := c.call(ctx, "guest-get-osinfo", nil, &s)
	return s, err
}

// Sessions asks who is logged in.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	var all []Session
	err := c.call(ctx, "guest-get-users", nil, &all)
	return all, err
}

// Run runs a program as root and waits for its end, looking every pause. A program that ctx interrupts goes on in the guest.
func (c *Client) Run(ctx context.Context, pause time.Duration, argv ...string) (Result, error) {
	var started struct {
		PID int64 `json:"pid"`
	}
	err := c.call(ctx, "guest-exec", map[string]any{"path": argv[0], "arg": argv[1:], "capture-output": true}, &started)
	if err != nil {
		return Result{}, fmt.Errorf("running %s in the guest: %w", strings.Join(argv, " "), err)
	}
	for {
		var s status
		if err := c.call(ctx, "guest-exec-status", map[string]int64{"pid": started.PID}, &s); err != nil {
			return Result{}, fmt.Errorf("running %s in the guest: %w", strings.Join(argv, " "), err)
		}
		if s.Exited {
			return Result{Code: s.code(), Out: string(s.Out), Err: string(s.Err)}, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return Result{}, fmt.Errorf("running %s in the guest: %w", strings.Join(argv, " "), context.Cause(ctx))
		}
	}
}

// status is how far a program has come. encoding/json reads base64 into bytes.
type status struct {
	Exited bool   `json:"exited"`
	Code   int    `json:"exitcode"`
	Signal int    `json:"signal"`
	Out    []byte `json:"out-data"`
	Err    []byte `json:"err-data"`
}

// code is the exit code, as a shell gives it for a program that a signal ended.
func (s status) code() int {
	if s.Signal != 0 {
		return 128 + s.Signal
	}
	return s.Code
}

// PowerOff asks the guest to power off. It does not answer: the machine's end is the answer.
func (c *Client) PowerOff(ctx context.Context) error {
	return c.do(ctx, func() error { return c.send("guest-shutdown", map[string]string{"mode": "powerdown"}) })
}
