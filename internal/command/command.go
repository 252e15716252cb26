// Package command runs other programs: always with a context, never through a shell, always ending the whole process
// group, and with the end of what the program complained about in the error. It knows no program by name.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// grace is how long a cancelled program may take to end after SIGTERM before it is killed.
const grace = 5 * time.Second

// tailBytes is how much of a program's standard error is kept for the error.
const tailBytes = 4096

// Cmd is one program call. The zero value of every field but Args is usable.
type Cmd struct {
	Args   []string  // program and arguments; the program is looked up in PATH
	Dir    string    // working directory; "" is the caller's
	Env    []string  // whole environment, KEY=VALUE; nil is the caller's
	Stdin  io.Reader // nil is empty
	Stdout io.Writer // nil is dropped
	Stderr io.Writer // gets standard error as it comes, beside the tail kept for the error; nil is only the tail
	// Attr is merged into the process attributes; a process group of its own is always set.
	Attr    *syscall.SysProcAttr
	Files   []*os.File          // inherited by the program, from descriptor 3 on
	Started func(pid int) error // called once the program runs; its error ends the program and is what Run returns
}

// Error is a program that could not be run or did not end with 0.
type Error struct {
	Args     []string // as called
	ExitCode int      // -1 when it did not run or was ended by a signal
	Stderr   string   // the last of its standard error, trimmed
	Err      error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", filepath.Base(e.Args[0]), e.Err)
	if e.Stderr != "" {
		fmt.Fprintf(&b, ": %s", e.Stderr)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Run runs c and waits for it. The program dies with this process. When ctx ends, the process group gets SIGTERM and, after a grace of five seconds, SIGKILL; the
// error then wraps ctx's cause. Every other failure is an *Error.
func Run(ctx context.Context, c Cmd) error {
	if len(c.Args) == 0 {
		return errors.New("command: no program given")
	}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout = c.Dir, c.Env, c.Stdin, c.Stdout
	tail := &tail{}
	cmd.Stderr = tail
	if c.Stderr != nil {
		cmd.Stderr = io.MultiWriter(c.Stderr, tail)
	}
	attr := syscall.SysProcAttr{}
	if c.Attr != nil {
		attr = *c.Attr
	}
	attr.Setpgid = !attr.Setsid // a new session is a new group too
	// The kernel ends the program when this process dies, even by SIGKILL. It goes by the thread that started it, not by the process: that thread
	// is kept for it.
	attr.Pdeathsig = syscall.SIGKILL
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr, cmd.ExtraFiles = &attr, c.Files
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	err := start(cmd, c.Started)
	if err == nil {
		err = cmd.Wait()
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		// What the leader started may outlive it: the group goes, whatever state it is in.
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		err = context.Cause(ctx)
	}
	code := -1
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	return &Error{Args: c.Args, ExitCode: code, Stderr: tail.String(), Err: err}
}

// start starts cmd and calls started; when that fails, nothing is left running.
func start(cmd *exec.Cmd, started func(int) error) error {
	if err := cmd.Start(); err != nil || started == nil {
		return err
	}
	err := started(cmd.Process.Pid)
	if err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}
	return err
}

// Output runs c and returns its standard output; c.Stdout must be nil.
func Output(ctx context.Context, c Cmd) ([]byte, error) {
	var out bytes.Buffer
	c.Stdout = &out
	err := Run(ctx, c)
	return out.Bytes(), err
}

// tail keeps the last tailBytes written to it.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - tailBytes; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.buf)) }
