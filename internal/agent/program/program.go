// Package program runs programs inside the build machine: in the installer's runtime or chrooted in the installed system, with their
// output passed on line by line. It knows no program by name; what to run is the callers' affair.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/command"
)

// Runner runs programs. Rooms take it as an interface, so that their tests on the host can see what would be run.
type Runner interface {
	// Has reports whether a program of this name can be run.
	Has(name string) bool
	// Run runs a program to its end; its output goes to the log.
	Run(ctx context.Context, args ...string) error
	// Feed is Run with standard input, which is never logged and may hold secrets.
	Feed(ctx context.Context, stdin string, args ...string) error
	// Output is Run that returns standard output.
	Output(ctx context.Context, args ...string) ([]byte, error)
}

// Path is where programs are looked for, in the runtime and in the installed system.
const Path = "/usr/sbin:/usr/bin:/sbin:/bin"

// Environment is what programs start with; extra KEY=VALUE go behind it.
func Environment(extra ...string) []string {
	return append([]string{"PATH=" + Path, "HOME=/root", "TERM=linux", "LANG=C.UTF-8", "LC_ALL=C.UTF-8"}, extra...)
}

// In returns a Runner whose programs have root as their root directory; "/" is the runtime itself.
func In(root string, log func(string)) Runner { return runner{root: root, log: log} }

type runner struct {
	root string
	log  func(string)
}

func (r runner) Has(name string) bool {
	_, err := r.find(name)
	return err == nil
}

// find looks a program up in the root it will run in; the link that it may be is followed there by the kernel.
func (r runner) find(name string) (string, error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for _, dir := range filepath.SplitList(Path) {
			candidates = append(candidates, filepath.Join(dir, name))
		}
	}
	for _, c := range candidates {
		if info, err := os.Lstat(filepath.Join(r.root, c)); err == nil && !info.IsDir() {
			return c, nil
		}
	}
	return "", fmt.Errorf("%s: %w in %s", name, exec.ErrNotFound, r.root)
}

func (r runner) Run(ctx context.Context, args ...string) error {
	return r.run(ctx, nil, nil, args)
}

func (r runner) Feed(ctx context.Context, stdin string, args ...string) error {
	return r.run(ctx, strings.NewReader(stdin), nil, args)
}

func (r runner) Output(ctx context.Context, args ...string) ([]byte, error) {
	var out bytes.Buffer
	err := r.run(ctx, nil, &out, args)
	return out.Bytes(), err
}

func (r runner) run(ctx context.Context, stdin io.Reader, stdout io.Writer, args []string) error {
	path, err := r.find(args[0])
	if err != nil {
		return err
	}
	lines := report.NewLines(r.log)
	defer func() { _ = lines.Close() }()
	c := command.Cmd{
		Args: append([]string{path}, args[1:]...), Dir: "/", Env: Environment(), Stdin: stdin, Stdout: stdout, Stderr: lines,
	}
	if stdout == nil {
		c.Stdout = lines
	}
	if r.root != "/" {
		c.Attr = &syscall.SysProcAttr{Chroot: r.root}
	}
	return Finished(command.Run(ctx, c))
}

// Finished forgives a program that ended well but left something in the background that holds its output open.
func Finished(err error) error {
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}
