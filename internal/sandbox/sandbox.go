package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
)

// Bind shows a host path in the sandbox.
type Bind struct {
	Source   string `json:"source"` // on the host; a folder or a file
	Target   string `json:"target"` // in the sandbox; absolute
	ReadOnly bool   `json:"readOnly,omitempty"`
}

// Spec is one call of a function in a sandbox.
type Spec struct {
	Function     string    // a name that Enter was given
	Input        any       // the function's input, passed on as JSON
	Binds        []Bind    // beside the host's programs, which are always there and read-only
	Network      bool      // the host's network; without it there is a loopback device and nothing else
	Interpreters []string  // architectures, by RPM's name, whose programs have to run; the host's own needs none
	Stdout       io.Writer // of the function and of what it starts; nil is dropped
	Stderr       io.Writer // likewise; its end is also in the error of a function that dies
}

// Error is what the function returned.
type Error struct {
	Function string
	Message  string
}

func (e *Error) Error() string { return e.Message }

// UnsupportedError says that this host can't make the sandbox, and what would change that. Trying again does not help.
type UnsupportedError struct {
	Reason  string
	Fix     string       // for the host's administrator; may be empty
	Package arch.Package // what is missing; may be empty
}

func (e *UnsupportedError) Error() string {
	if e.Fix == "" {
		return "this host can't make a sandbox: " + e.Reason
	}
	return fmt.Sprintf("this host can't make a sandbox: %s (%s)", e.Reason, e.Fix)
}

// maxReply bounds what a function may return, in bytes.
const maxReply = 64 << 20

// insideEnv is set in the sandbox: a program that forgot Enter would otherwise start itself for ever.
const insideEnv = "QUARRY_SANDBOX"

// request is what the first stage is told.
type request struct {
	Function     string          `json:"function"`
	Input        json.RawMessage `json:"input"`
	Binds        []Bind          `json:"binds"`
	Network      bool            `json:"network"`
	Interpreters []interpreter   `json:"interpreters"`
	// Ways is what became of Interpreters, for the second stage.
	Ways   map[string]Ability `json:"ways,omitempty"`
	Users  []idRange          `json:"users"`
	Groups []idRange          `json:"groups"`
}

// reply is what comes back, from either stage.
type reply struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
	Setup  bool            `json:"setup,omitempty"` // the view could not be made: the function has not run
	// With Setup: as in UnsupportedError.
	Fix     string       `json:"fix,omitempty"`
	Package arch.Package `json:"package"`
}

// Run calls the function in a sandbox and decodes what it returns into result (nil drops it). The program must call Enter first
// thing in main. When ctx ends, or when this process dies, every process in the sandbox is killed. Errors are an
// *UnsupportedError where the host can't do it, an *Error with what the function returned, or a *command.Error for a function that died.
func Run(ctx context.Context, spec Spec, result any) error {
	if os.Getenv(insideEnv) != "" {
		return errors.New("a sandbox in a sandbox was asked for: either that, or main does not begin with sandbox.Enter")
	}
	req, err := makeRequest(spec)
	if err != nil {
		return err
	}
	ids, err := hostIDs()
	if err != nil {
		return err
	}
	req.Users, req.Groups = ids.users, ids.groups
	answer, err := start(ctx, spec, req, ids)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s in the sandbox: %w", spec.Function, context.Cause(ctx))
	case answer.Error != "" && answer.Setup:
		return &UnsupportedError{Reason: answer.Error, Fix: answer.Fix, Package: answer.Package}
	case answer.Error != "":
		return &Error{Function: spec.Function, Message: answer.Error}
	case err != nil:
		return err
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("reading what %s returned from the sandbox: %w", spec.Function, err)
	}
	return nil
}

// makeRequest checks the spec and resolves what only the host's view can: links in the sources, and the interpreters.
func makeRequest(spec Spec) (request, error) {
	input, err := json.Marshal(spec.Input)
	if err != nil {
		return request{}, fmt.Errorf("encoding the input of %s: %w", spec.Function, err)
	}
	req := request{Function: spec.Function, Input: input, Network: spec.Network}
	for _, b := range spec.Binds {
		if b.Source, err = filepath.Abs(b.Source); err == nil {
			b.Source, err = filepath.EvalSymlinks(b.Source)
		}
		if err != nil {
			return request{}, fmt.Errorf("showing %s in the sandbox: %w", b.Target, err)
		}
		if !path.IsAbs(b.Target) || path.Clean(b.Target) != b.Target || b.Target == "/" {
			return request{}, fmt.Errorf("%q is no place in a sandbox: want a clean absolute path", b.Target)
		}
		req.Binds = append(req.Binds, b)
	}
	req.Interpreters, err = interpreters(spec.Interpreters)
	return req, err
}

// start starts the first stage, gives it its ids and its request, and waits for both its answer and its end.
func start(ctx context.Context, spec Spec, req request, ids idMaps) (reply, error) {
	requestRead, requestWrite, err := os.Pipe()
	if err != nil {
		return reply{}, err
	}
	defer requestRead.Close()
	// The write end stays open until the sandbox has ended: the first stage reads its end as "the caller is gone".
	defer requestWrite.Close()
	replyRead, replyWrite, err := os.Pipe()
	if err != nil {
		return reply{}, err
	}
	defer replyRead.Close()
	defer replyWrite.Close()

	started := false
	var output bytes.Buffer
	read := make(chan error, 1)
	begin := func(pid int) error {
		started = true
		requestRead.Close()
		replyWrite.Close()
		go func() {
			_, err := io.Copy(&output, io.LimitReader(replyRead, maxReply+1))
			read <- err
		}()
		if err := ids.apply(ctx, pid); err != nil {
			return err
		}
		return json.NewEncoder(requestWrite).Encode(req)
	}
	runErr := command.Run(ctx, command.Cmd{
		Args: []string{self, setupArg}, Env: environment(),
		Stdout: spec.Stdout, Stderr: spec.Stderr,
		Files: []*os.File{requestRead, replyWrite}, Started: begin,
		Attr: &syscall.SysProcAttr{
			Cloneflags: cloneFlags(req.Network), AmbientCaps: allCapabilities(),
			Setsid: true, // no way to the caller's terminal
		},
	})
	if !started {
		return reply{}, refused(runErr)
	}
	if err := <-read; err != nil {
		return reply{}, fmt.Errorf("reading from the sandbox: %w", err)
	}
	if output.Len() > maxReply {
		return reply{}, fmt.Errorf("%s returned more than %d bytes", spec.Function, maxReply)
	}
	var answer reply
	if err := json.Unmarshal(output.Bytes(), &answer); err != nil && runErr == nil {
		runErr = fmt.Errorf("the sandbox ended without an answer: does main begin with sandbox.Enter? (%w)", err)
	}
	return answer, runErr
}

func cloneFlags(network bool) uintptr {
	flags := uintptr(syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS)
	if !network {
		flags |= syscall.CLONE_NEWNET
	}
	return flags
}

// environment is the whole environment inside: what the caller's holds may be secret, and would make results differ.
func environment() []string {
	return []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TMPDIR=/tmp", "TZ=UTC", insideEnv + "=1",
	}
}

// allCapabilities lists every capability of the kernel. Until the ids are mapped the first stage is nobody, and its capabilities survive
// starting it only as ambient ones.
func allCapabilities() []uintptr {
	last := 40 // CAP_CHECKPOINT_RESTORE, the newest one that is needed by nothing here
	if text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap"); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			last = n
		}
	}
	var all []uintptr
	for i := range last + 1 {
		all = append(all, uintptr(i))
	}
	return all
}

// refused explains a first stage that could not be started.
func refused(err error) error {
	for _, refusal := range []error{syscall.EPERM, syscall.EACCES, syscall.ENOSPC, syscall.EUSERS, syscall.EINVAL, syscall.ENOSYS} {
		if errors.Is(err, refusal) {
			return &UnsupportedError{
				Reason: "the kernel refuses to make a user namespace: " + refusal.Error(),
				Fix: "allow them: sysctl user.max_user_namespaces=65536; on Debian before 12 kernel.unprivileged_userns_clone=1; " +
					"on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; in a container start it with --security-opt seccomp=unconfined",
			}
		}
	}
	return fmt.Errorf("starting a sandbox: %w", err)
}
