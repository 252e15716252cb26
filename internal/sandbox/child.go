package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/command"
)

// The two stages are this program with one argument.
const (
	self     = "/proc/self/exe"
	setupArg = "sandbox-setup"
	runArg   = "sandbox-run"
)

// Function is what can be called in a sandbox: it gets its input as JSON and returns what can be written as JSON.
type Function = func(context.Context, json.RawMessage) (any, error)

// Enter is the first statement of main: in a process that Run started it does the sandbox's work and ends the process, in any other it
// does nothing.
func Enter(functions map[string]Function) {
	if len(os.Args) != 2 || os.Getenv(insideEnv) == "" {
		return
	}
	switch os.Args[1] {
	case setupArg:
		os.Exit(setup())
	case runArg:
		os.Exit(run(functions))
	}
}

// setup is the first stage: process 1 of the sandbox.
func setup() int {
	in, out := inherited(3), inherited(4)
	var req request
	// The request comes when the ids are mapped, so this also waits for that.
	if err := json.NewDecoder(in).Decode(&req); err != nil {
		return 1 // the caller went away or has an error of its own to tell
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(1) // the caller is gone; the kernel ends everything else with us
	}()
	syscall.Umask(0o022) // whatever the caller's is: what is made inside must not depend on it
	ways, err := prepare(req)
	if err != nil {
		r := reply{Error: err.Error(), Setup: true}
		var unsupported *UnsupportedError
		if errors.As(err, &unsupported) {
			r.Error, r.Fix, r.Package = unsupported.Reason, unsupported.Fix, unsupported.Package
		}
		answer(out, r)
		return 1
	}
	req.Ways = ways
	if err := second(req, out); err != nil {
		answer(out, reply{Error: fmt.Sprintf("%s died in the sandbox: %v", req.Function, err)})
		return 1
	}
	return 0
}

// prepare becomes root of the new user namespace and makes the view.
func prepare(req request) (map[string]Ability, error) {
	if err := errors.Join(syscall.Setresgid(0, 0, 0), syscall.Setresuid(0, 0, 0), syscall.Setgroups(nil)); err != nil {
		return nil, fmt.Errorf("becoming root of the user namespace: %w", err)
	}
	if err := unix.Sethostname([]byte("sandbox")); err != nil {
		return nil, fmt.Errorf("naming the sandbox: %w", err)
	}
	if !req.Network {
		if err := loopback(); err != nil {
			return nil, err
		}
	}
	return makeView(req)
}

// second starts the second stage and waits for it. Its own user namespace locks the mounts that makeView made, and keeps it
// from looking into this process.
func second(req request, out *os.File) error {
	input, err := json.Marshal(req)
	if err != nil {
		return err
	}
	in, feed, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	go func() {
		_, _ = feed.Write(input)
		feed.Close()
	}()
	return command.Run(context.Background(), command.Cmd{
		Args: []string{self, runArg}, Dir: "/", Env: environment(),
		Stdout: os.Stdout, Stderr: os.Stderr, Files: []*os.File{in, out},
		Attr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: same(req.Users), GidMappings: same(req.Groups), GidMappingsEnableSetgroups: true,
		},
	})
}

// same maps every id to itself, range by range: one range may not span several of the outer map.
func same(ranges []idRange) []syscall.SysProcIDMap {
	var maps []syscall.SysProcIDMap
	for _, r := range ranges {
		maps = append(maps, syscall.SysProcIDMap{ContainerID: r.Inside, HostID: r.Inside, Size: r.Count})
	}
	return maps
}

// run is the second stage: it calls the function.
func run(functions map[string]Function) int {
	in, out := inherited(3), inherited(4)
	var req request
	if err := json.NewDecoder(in).Decode(&req); err != nil {
		answer(out, reply{Error: fmt.Sprintf("reading the request: %v", err)})
		return 0
	}
	in.Close()
	answer(out, call(functions, req))
	return 0
}

func call(functions map[string]Function, req request) reply {
	function := functions[req.Function]
	if req.Function == probeFunction {
		function = func(context.Context, json.RawMessage) (any, error) { return req.Ways, probe() }
	}
	if function == nil {
		return reply{Error: fmt.Sprintf("no function named %q was given to sandbox.Enter", req.Function)}
	}
	value, err := function(context.Background(), req.Input)
	if err != nil {
		return reply{Error: err.Error()}
	}
	result, err := json.Marshal(value)
	if err != nil {
		return reply{Error: fmt.Sprintf("encoding the result of %s: %v", req.Function, err)}
	}
	return reply{Result: result}
}

// inherited is a descriptor that the caller left us and nothing that we start may have.
func inherited(fd int) *os.File {
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), fmt.Sprintf("sandbox descriptor %d", fd))
}

// answer writes the one reply. If the caller can't be told, there is nobody left to tell.
func answer(out *os.File, r reply) {
	_ = json.NewEncoder(out).Encode(r)
	_ = out.Close()
}

// loopback brings the loopback device up.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bringing the loopback device up: %w", err)
	}
	defer unix.Close(fd)
	device, err := unix.NewIfreq("lo")
	if err == nil {
		device.SetUint16(unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, device)
	}
	if err != nil {
		return fmt.Errorf("bringing the loopback device up: %w", err)
	}
	return nil
}
