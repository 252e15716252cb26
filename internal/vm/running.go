package vm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
	"github.com/digitalocean/go-qemu/qmp/raw"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Running is a machine that was started. Its methods may be called from several goroutines.
type Running struct {
	machine Machine
	text    string
	pid     int
	cancel  context.CancelFunc

	console    *console
	complaints complaints
	monitor    *monitor
	events     net.Conn
	guest      net.Conn

	fault chan error    // at most one: why the machine can't go on
	ended chan struct{} // closed when QEMU is gone; err is its end
	err   error
}

// How long the gentle ways of stopping may take before the next one is tried.
const (
	powerdownTime = 90 * time.Second
	quitTime      = 10 * time.Second
)

// complaints keeps the beginning of what QEMU writes to its standard error: the first line is the one that matters.
type complaints struct {
	mu   sync.Mutex
	text []byte
}

func (c *complaints) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := 4096 - len(c.text); room > 0 {
		c.text = append(c.text, p[:min(len(p), room)]...)
	}
	return len(p), nil
}

func (c *complaints) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for line := range strings.Lines(string(c.text)) {
		if line = printable(line); strings.TrimSpace(line) != "" {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// watch turns what QEMU tells of the machine into the one fault that ends it. Without it a guest whose image file can't grow would
// stand still: QEMU pauses it and waits for someone to make room.
func (r *Running) watch(events <-chan qmp.Event) {
	for e := range events {
		err := faultOf(e)
		if err == nil && e.Event == "STOP" {
			err = r.stopped()
		}
		if err == nil {
			continue
		}
		select {
		case r.fault <- err:
		default:
		}
	}
}

// stopped tells why QEMU has stopped the guest's CPUs; nil is that it was asked to.
func (r *Running) stopped() error {
	ctx, cancel := context.WithTimeout(context.Background(), replyTimeout)
	defer cancel()
	if status, err := r.Status(ctx); err == nil && status == "internal-error" {
		return errors.New("the accelerator can't run the guest any further (QEMU's state is internal-error)")
	}
	return nil
}

// faultOf reads an event of QEMU's; nil is none that ends a machine.
func faultOf(e qmp.Event) error {
	switch e.Event {
	case "BLOCK_IO_ERROR":
		if e.Data["action"] != "stop" {
			return nil // the guest is told, and deals with it
		}
		if e.Data["nospace"] == true {
			return fmt.Errorf("no space left on this host for the drive %v: free some and run again", e.Data["device"])
		}
		return fmt.Errorf("the drive %v can't be read or written on this host: %v", e.Data["device"], e.Data["reason"])
	case "GUEST_PANICKED":
		return errors.New("the guest's kernel panicked")
	}
	return nil
}

// Fault delivers at most one error: a reason for which the machine can't go on although QEMU still runs.
func (r *Running) Fault() <-chan error { return r.fault }

// Ended is closed when the machine is gone.
func (r *Running) Ended() <-chan struct{} { return r.ended }

// Wait waits for the machine's end. The error is nil when the guest powered off.
func (r *Running) Wait(ctx context.Context) error {
	select {
	case <-r.ended:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the machine to end: %w", context.Cause(ctx))
	}
}

// Events calls h with everything that the agent reports, until it closes the port, the machine ends or h fails, whose error is
// returned. It may be called once.
func (r *Running) Events(ctx context.Context, h func(wire.Event) error) error {
	stop := context.AfterFunc(ctx, func() { _ = r.events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	return events(ctx, r.events, h)
}

// Stop ends the machine in the gentlest way that works: the power button, for as long as ctx lets it and 90 seconds at
// most, then QEMU's quit, then SIGKILL. The error is nil when the guest powered off by itself, before or after.
func (r *Running) Stop(ctx context.Context) error {
	defer r.Kill() //nolint:contextcheck // a machine is ended whatever became of the context
	wait, cancel := context.WithTimeoutCause(ctx, powerdownTime, errors.New("the guest ignored the power button"))
	defer cancel()
	err := r.typed(wait).SystemPowerdown()
	select {
	case <-r.monitor.ended: // it is off or about to be
		err = nil
	default:
	}
	if err != nil {
		return err
	}
	return r.Wait(wait)
}

// Kill ends the machine without asking the guest, and returns when it is gone. It does no harm to one that has ended.
func (r *Running) Kill() {
	defer r.close()
	quit, cancel := context.WithTimeout(context.Background(), quitTime)
	defer cancel()
	if r.typed(quit).Quit() == nil {
		_ = r.Wait(quit)
	}
	r.cancel() // command ends what is left: SIGTERM, then SIGKILL
	<-r.ended
}

func (r *Running) close() {
	_ = r.monitor.Disconnect()
	r.events.Close()
	r.guest.Close()
}

// typed is go-qemu's view of the monitor, each command of which ends with ctx.
func (r *Running) typed(ctx context.Context) *raw.Monitor {
	return raw.NewMonitor(bound{r.monitor, ctx})
}

// Status returns QEMU's word for the state: "running", "paused", "io-error", "internal-error", "shutdown" and others.
func (r *Running) Status(ctx context.Context) (string, error) {
	info, err := r.typed(ctx).QueryStatus()
	return info.Status.String(), err
}

// Pause stops the guest's CPUs until Resume.
func (r *Running) Pause(ctx context.Context) error { return r.typed(ctx).Stop() }

// Resume lets the guest go on.
func (r *Running) Resume(ctx context.Context) error { return r.typed(ctx).Cont() }

// Guest is the conversation with QEMU's guest agent, of a machine with Machine.Guest; it ends with the machine.
func (r *Running) Guest() net.Conn { return r.guest }

// ConsoleTail returns the last n lines that the guest printed (200 at most), safe to print.
func (r *Running) ConsoleTail(n int) []string { return r.console.tail(n) }

// Command is the machine as a shell command that can be pasted, see Command.
func (r *Running) Command() string { return r.text }

// Evidence collects what explains a failure of this machine.
func (r *Running) Evidence() Evidence {
	said, tail := r.complaints.lines(), r.ConsoleTail(maxTail)
	cause := LikelyCause(said)
	if cause == "" {
		cause = LikelyCause(tail)
	}
	return Evidence{
		Cause: cause, QEMU: said, Console: tail[max(0, len(tail)-shownTail):],
		ConsoleLog: filepath.Join(r.machine.Dir, ConsoleLog), Command: filepath.Join(r.machine.Dir, CommandText),
	}
}
