package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
)

// Files in Machine.Dir.
const (
	ConsoleLog  = "console.log"  // what the guest printed
	QEMULog     = "qemu.log"     // what QEMU complained about
	CommandText = "command.txt"  // the machine as a shell command, to run it by hand
	varsFile    = "uefi-vars.fd" // this machine's copy
)

// startTimeout is how long QEMU itself, not the guest, may take to answer; a busy host needs a few seconds.
const startTimeout = 60 * time.Second

// Start starts m. The machine ends with ctx, with Stop or Kill, and, whatever happens to it, with this process. Errors name what is
// missing on the host, or carry QEMU's own words.
func Start(ctx context.Context, m Machine) (*Running, error) {
	m, err := prepare(m)
	if err != nil {
		return nil, fmt.Errorf("machine: %w", err)
	}
	argv, err := Args(m)
	if err != nil {
		return nil, err
	}
	text, err := Command(m)
	if err != nil {
		return nil, err
	}
	if argv[0], err = Program(m.Arch); err != nil {
		return nil, fmt.Errorf("machine: %w", err)
	}
	if err := os.WriteFile(filepath.Join(m.Dir, CommandText), []byte(text+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("machine: %w", err)
	}
	r := &Running{machine: m, text: text, ended: make(chan struct{}), fault: make(chan error, 1)}
	if err := r.launch(ctx, argv); err != nil {
		return nil, err
	}
	if err := r.greet(ctx); err != nil {
		r.Kill() //nolint:contextcheck // a machine is ended whatever became of the context
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(argv[0]), err)
	}
	return r, nil
}

// prepare checks what m needs on this host and fills in the firmware.
func prepare(m Machine) (Machine, error) {
	if info, err := os.Stat(m.Dir); err != nil || !info.IsDir() || !filepath.IsAbs(m.Dir) {
		return m, fmt.Errorf("%q is not the absolute path of a folder", m.Dir)
	}
	if m.Firmware == arch.UEFI && m.Code == "" {
		flash, err := FindFlash(m.Arch)
		if err != nil {
			return m, err
		}
		m.Code, m.Vars = flash.Code, filepath.Join(m.Dir, varsFile)
		vars, err := os.ReadFile(flash.Vars)
		if err != nil {
			return m, fmt.Errorf("copying the firmware's variables: %w", err)
		}
		if err := os.WriteFile(m.Vars, vars, 0o600); err != nil {
			return m, fmt.Errorf("copying the firmware's variables: %w", err)
		}
	}
	for _, path := range m.files() {
		if !readable(path) {
			return m, fmt.Errorf("%s is missing or can't be read", path)
		}
	}
	return m, nil
}

// Program finds the QEMU that runs a. Enterprise Linux hosts have one for their own architecture only, outside of PATH.
func Program(a arch.Arch) (string, error) {
	if path, err := exec.LookPath(a.QEMU); err == nil {
		return path, nil
	}
	const elsewhere = "/usr/libexec/qemu-kvm"
	if _, err := os.Stat(elsewhere); err == nil && a.Native() {
		return elsewhere, nil
	}
	return "", fmt.Errorf("no %s on this host: install %s on Debian, %s on Fedora, or qemu-kvm on a Rocky host of the same architecture",
		a.QEMU, a.Emulator.Debian, a.Emulator.Rocky)
}

// Command returns m as one shell command that a person can paste: the console on the terminal, events in events.jsonl.
func Command(m Machine) (string, error) {
	argv, err := args(m, standalone())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, arg := range argv {
		switch {
		case i > 0 && strings.HasPrefix(arg, "-"):
			b.WriteString(" \\\n  ")
		case i > 0:
			b.WriteByte(' ')
		}
		b.WriteString(quote(arg))
	}
	return b.String(), nil
}

// quote protects s from a shell where it has to be.
func quote(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+=,./:@%", r)
	}
	if s != "" && strings.TrimFunc(s, safe) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// launch starts QEMU and the goroutine that waits for its end. Without an error the conversations are there.
func (r *Running) launch(ctx context.Context, argv []string) (err error) {
	var opened []io.Closer
	defer func() {
		if err != nil {
			for _, c := range opened {
				c.Close()
			}
		}
	}()
	if r.console, err = newConsole(filepath.Join(r.machine.Dir, ConsoleLog)); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(r.machine.Dir, QEMULog))
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	opened = append(opened, r.console.file, log)
	ours, theirs := make([]net.Conn, pairs), make([]*os.File, pairs)
	for i := range ours {
		if ours[i], theirs[i], err = pair(); err != nil {
			return err
		}
		opened = append(opened, ours[i], theirs[i])
	}
	started := make(chan struct{})
	ctx, r.cancel = context.WithCancel(ctx)
	go func() {
		err := command.Run(ctx, command.Cmd{
			Args: argv, Dir: r.machine.Dir, Files: theirs, Stdout: r.console, Stderr: io.MultiWriter(log, &r.complaints),
			Started: func(pid int) error { r.pid = pid; close(started); return nil },
		})
		for _, f := range theirs {
			f.Close()
		}
		log.Close()
		r.console.close()
		r.cancel()
		r.err = err
		close(r.ended)
	}()
	select {
	case <-started:
	case <-r.ended:
		// It never ran: only command knows why.
		for _, c := range ours {
			c.Close()
		}
		opened = nil
		return r.err
	}
	// Our copies of QEMU's ends would keep the conversations open after its death.
	for _, f := range theirs {
		f.Close()
	}
	r.monitor, r.events, r.guest = newMonitor(ours[0]), ours[1], ours[2]
	return nil
}

// greet waits until QEMU can be talked to.
func (r *Running) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errors.New("QEMU took too long"))
	defer cancel()
	faults, err := r.monitor.Events(context.WithoutCancel(ctx))
	if err == nil {
		go r.watch(faults) //nolint:contextcheck // it watches as long as the machine lives
		err = r.monitor.connect(ctx)
	}
	if err == nil {
		return nil
	}
	select {
	case <-r.ended: // what QEMU said at its end explains more
		if r.err != nil {
			return r.err
		}
	case <-time.After(time.Second):
	}
	return err
}

// pair makes the two ends of one conversation: a connection for us, a file that QEMU inherits.
func pair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "machine"), os.NewFile(uintptr(fds[1]), "host")
	defer ours.Close() // FileConn has its own copy
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	return conn, theirs, nil
}
