// Package bootset makes and collects what a medium needs to start the system of a package tree: the kernel, an initramfs that finds the system on
// the medium, and the boot loaders' files, all out of the tree itself. The sandbox on the host and the build machine both call it, each on a
// copy of the tree that nobody needs afterwards. What a medium looks like, and which files it wants, is the host's affair.
package bootset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/program"
	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/command"
)

// Env is where to work.
type Env struct {
	Root string // the tree, writable
	Out  string // existing, empty folder for the files
	Log  func(line string)
}

// MissingError is a tree without a file that the medium can't do without.
type MissingError struct {
	Globs   []string
	Package string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("no file /%s is in the installed packages: the package %s brings it, so add it to the kickstart's %%packages",
		strings.Join(e.Globs, " or /"), e.Package)
}

// Make makes the initramfs and what else the tree's programs are to make, and copies the files. A required file that is not there is a *MissingError, and is told before
// dracut's long work begins.
func Make(ctx context.Context, env Env, spec wire.BootSpec) (result wire.BootResult, err error) {
	root, err := os.OpenRoot(env.Root)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	c := collector{root: root, out: env.Out, result: &result}
	if result.Kernel, err = newestKernel(root); err != nil {
		return result, err
	}
	kernel := wire.BootFile{Name: wire.BootKernel, Globs: []string{filepath.Join(modulesDir, result.Kernel, "vmlinuz")}, Package: "kernel-core"}
	for _, f := range append([]wire.BootFile{kernel}, spec.Files...) {
		if err := c.file(f); err != nil {
			return result, err
		}
	}
	if err := needModules(root, spec.Dracut.Add); err != nil {
		return result, err
	}
	unbind, err := boot.BindSystem(env.Root)
	if err != nil {
		return result, err
	}
	if err := errors.Join(env.programs(ctx, root, spec, result.Kernel), unbind()); err != nil {
		return result, err
	}
	for _, name := range made(spec) {
		// The tree's own programs wrote them where they could.
		if err := c.copy(filepath.Join(inTree(wire.BootOut), name), name); err != nil {
			return result, err
		}
	}
	slices.Sort(result.Files)
	return result, nil
}

// made names what programs of the tree make.
func made(spec wire.BootSpec) []string {
	names := []string{wire.BootInitrd}
	for _, m := range spec.Make {
		names = append(names, m.Name)
	}
	return names
}

// programs runs programs of the tree: what spec.Make says, and dracut.
func (env Env) programs(ctx context.Context, root *os.Root, spec wire.BootSpec, kernel string) error {
	if err := root.Mkdir(inTree(wire.BootOut), 0o700); err != nil {
		return err
	}
	for _, m := range spec.Make {
		if _, err := root.Stat(m.Needs); err != nil {
			return &MissingError{Globs: []string{m.Needs}, Package: m.Package}
		}
		if err := env.run(ctx, m.Args); err != nil {
			return fmt.Errorf("making %s: %w", m.Name, err)
		}
	}
	optional := slices.DeleteFunc(slices.Clone(spec.Dracut.Optional), func(m string) bool { return !hasModule(root, m) })
	if err := env.run(ctx, dracutArgs(spec.Dracut, optional, kernel)); err != nil {
		return fmt.Errorf("making the medium's initramfs for kernel %s: %w", kernel, err)
	}
	return nil
}

// dracutArgs is livemedia-creator's call. What it says is compressed by whoever can do that without emulation.
func dracutArgs(d wire.Dracut, optional []string, kernel string) []string {
	args := []string{
		"dracut", "--no-hostonly", "--no-hostonly-cmdline", "--nomdadmconf", "--nolvmconf", "--no-early-microcode", "--no-compress", "--reproducible",
		"--force", "--add", strings.Join(slices.Concat(d.Add, optional), " "),
	}
	if len(d.Omit) > 0 {
		args = append(args, "--omit", strings.Join(d.Omit, " "))
	}
	return append(args, wire.BootOut+"/"+wire.BootInitrd, kernel)
}

// inTree is an absolute path of the tree as one below its root.
func inTree(path string) string { return strings.TrimPrefix(path, "/") }

// run runs a program of the tree.
func (env Env) run(ctx context.Context, args []string) error {
	lines := report.NewLines(env.Log)
	defer func() { _ = lines.Close() }()
	c := command.Cmd{
		Args: args, Dir: "/", Env: program.Environment(), Stdout: lines, Stderr: lines, Attr: &syscall.SysProcAttr{Chroot: env.Root},
	}
	for _, dir := range filepath.SplitList(program.Path) {
		// The path is the tree's, not that of whoever calls.
		if info, err := os.Lstat(filepath.Join(env.Root, dir, args[0])); err == nil && !info.IsDir() {
			c.Args = append([]string{filepath.Join(dir, args[0])}, args[1:]...)
			return program.Finished(command.Run(ctx, c))
		}
	}
	return fmt.Errorf("%s is not in the installed packages", args[0])
}
