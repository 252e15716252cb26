// Package scripts runs the scripts of a kickstart as Anaconda does: in the runtime or chrooted in the installed system, by their
// interpreter, with their log. They are foreign code, and the machine is what contains them.
package scripts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/quarry-project/quarry/internal/agent/program"
	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/command"
)

// Runner runs scripts.
type Runner struct {
	Root   string // of the installed system, for scripts that are chrooted; "" before there is one
	Report *report.Reporter
}

// Run runs the scripts of one section in their order. One that fails ends it if it has --erroronfail, and is only warned of otherwise.
func (r Runner) Run(ctx context.Context, section string, all []wire.Script) error {
	for _, s := range all {
		if s.Section != section {
			continue
		}
		err := r.one(ctx, s)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || s.ErrorOnFail {
			return err
		}
		r.Report.Warnf("%v; it has no --erroronfail, so the installation goes on", err)
	}
	return nil
}

func (r Runner) one(ctx context.Context, s wire.Script) error {
	root := r.Root
	if root == "" || s.NoChroot || s.Section == "pre" || s.Section == "pre-install" {
		root = "/"
	}
	r.Report.Logf("running %%%s of line %d", s.Section, s.Line)
	path, err := place(root, s.Body)
	if err != nil {
		return report.At(s.File, s.Line, fmt.Errorf("write the %%%s script: %w", s.Section, err))
	}
	defer func() { _ = os.Remove(filepath.Join(root, path)) }()
	lines := report.NewLines(r.Report.Log)
	defer func() { _ = lines.Close() }()
	out, closeLog, err := output(root, s.Log, lines)
	if err != nil {
		return report.At(s.File, s.Line, fmt.Errorf("%%%s --log=%s: %w", s.Section, s.Log, err))
	}
	defer closeLog()
	c := command.Cmd{Args: []string{s.Interpreter, path}, Dir: "/", Env: environment(s), Stdout: out, Stderr: out}
	if root != "/" {
		c.Attr = &syscall.SysProcAttr{Chroot: root}
	}
	return failed(s, program.Finished(command.Run(ctx, c)))
}

// environment is what scripts find. Anaconda names the installed system by ANA_INSTALL_PATH, the tool that made earlier Pi images by
// INSTALL_ROOT; kickstarts use both.
func environment(s wire.Script) []string {
	const mounted = "/mnt/sysimage"
	env := program.Environment("ANA_INSTALL_PATH=" + mounted)
	if s.NoChroot {
		env = append(env, "INSTALL_ROOT="+mounted)
	}
	return env
}

// place writes a script where its interpreter will find it; the path returned is the one in root.
func place(root, body string) (string, error) {
	if err := os.MkdirAll(filepath.Join(root, "tmp"), 0o1777); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Join(root, "tmp"), "ks-script-*")
	if err != nil {
		return "", err
	}
	_, err = io.WriteString(f, body)
	err = errors.Join(err, f.Chmod(0o700), f.Close())
	return filepath.Join("/tmp", filepath.Base(f.Name())), err
}

// output sends what a script prints to the host and, with --log, to a file too. A name that is not absolute is below the root.
func output(root, log string, lines io.Writer) (io.Writer, func(), error) {
	if log == "" {
		return lines, func() {}, nil
	}
	name := filepath.Join(root, filepath.Clean("/"+log))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return io.MultiWriter(f, lines), func() { _ = f.Close() }, nil
}

// failed says which script failed how.
func failed(s wire.Script, err error) error {
	var e *command.Error
	if !errors.As(err, &e) {
		return report.At(s.File, s.Line, err)
	}
	reason := e.Err
	switch {
	case e.ExitCode > 0:
		reason = fmt.Errorf("it ended with %d", e.ExitCode)
	case errors.Is(err, os.ErrNotExist):
		reason = fmt.Errorf("its interpreter %s is not there: %w", s.Interpreter, os.ErrNotExist)
	}
	return &report.Error{
		File: s.File, Line: s.Line, Exit: max(0, e.ExitCode),
		Err: fmt.Errorf("%%%s failed: %w", s.Section, reason),
	}
}
