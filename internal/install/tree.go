package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/sandbox"
	"github.com/quarry-project/quarry/internal/vm"
)

// TreeSpec is what a tree is made from.
type TreeSpec struct {
	Lock    resolve.Lock
	Payload PayloadFiles
	Arch    string // RPM's name
	Method  Method
	Dir     string // existing folder that gets the tree
	LogDir  string // existing folder that gets logs
	// The rest is for the machine only.
	Inputs    resolve.Inputs
	Agent     string // the agent's program for Arch
	Accel     vm.Accel
	Release   string // major release: chooses the emulated CPU
	Deadlines vm.Deadlines
}

// Tree installs the Lock's packages and returns them as a read-only squashfs with owners, modes, capabilities and hard links
// intact. Errors: *sandbox.UnsupportedError when a sandbox was asked for and can't be had, *packages.MismatchError from the machine or
// a *sandbox.Error when dnf or a package failed; those of vm.Follow for the machine.
func Tree(ctx context.Context, s TreeSpec, report progress.Func) (artifact.Tree, error) {
	a, err := arch.Lookup(s.Arch)
	if err != nil {
		return artifact.Tree{}, err
	}
	support := sandbox.Ability{}
	if s.Method != Machine {
		support = sandbox.Probe(ctx, a)
	}
	method, why, err := choose(s.Method, a, support)
	if err != nil {
		return artifact.Tree{}, err
	}
	report.Log(why)
	var result treeResult
	file := filepath.Join(s.Dir, squashName)
	if method == Machine {
		result, err = treeInMachine(ctx, s, a, file, report)
	} else {
		result, err = treeInSandbox(ctx, s, file, report)
	}
	if err != nil {
		return artifact.Tree{}, err
	}
	sum, size, err := digest.File(file)
	if err != nil {
		return artifact.Tree{}, err
	}
	return artifact.Tree{
		File: artifact.File{Path: file, Size: size, Digest: sum}, Format: "squashfs", Arch: s.Arch,
		Unpacked: result.Unpacked, Packages: result.Packages, Method: string(method),
	}, nil
}

// treeInSandbox makes the tree in a work folder beside the result, and leaves nothing of that behind.
func treeInSandbox(ctx context.Context, s TreeSpec, file string, report progress.Func) (result treeResult, err error) {
	work, log := filepath.Join(s.Dir, "work"), filepath.Join(s.LogDir, "packages")
	if err := os.MkdirAll(log, 0o755); err != nil {
		return treeResult{}, err
	}
	end, err := workFolder(ctx, work)
	if err != nil {
		return treeResult{}, err
	}
	defer func() { err = errors.Join(err, end()) }()
	err = inSandbox(ctx, sandbox.Spec{
		Function: treeFunction, Input: s.Lock.Request, Interpreters: []string{s.Arch},
		Binds: []sandbox.Bind{
			{Source: work, Target: insideWork}, {Source: log, Target: insideLog}, {Source: s.Payload.Dir, Target: insidePayload, ReadOnly: true},
		},
	}, &result, report)
	if err != nil {
		return treeResult{}, fmt.Errorf("installing packages in the sandbox (log in %s): %w", log, err)
	}
	return result, durable.Rename(filepath.Join(work, squashName), file)
}

// workFolder makes an empty folder for a sandbox to work in. The function removes it, whoever the files in it belong to by then.
func workFolder(ctx context.Context, work string) (end func() error, err error) {
	if err := Remove(ctx, work); err != nil { // of a run that was killed
		return nil, err
	}
	// For nobody else: what is setuid root in there is setuid for the caller outside.
	if err := os.Mkdir(work, 0o700); err != nil {
		return nil, err
	}
	return func() error { return Remove(context.WithoutCancel(ctx), work) }, nil
}

// inSandbox runs a function that tells what it does on standard output.
func inSandbox(ctx context.Context, spec sandbox.Spec, result any, report progress.Func) error {
	events, wait := relay(report)
	spec.Stdout = events
	err := sandbox.Run(ctx, spec, result)
	events.Close()
	return errors.Join(err, wait())
}

// relay passes events that are written to it on as progress. The function returns once all of them are passed on, with what was
// wrong with them.
func relay(report progress.Func) (io.WriteCloser, func() error) {
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		decoder := wire.NewDecoder(in)
		for {
			e, err := decoder.Next()
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				done <- err
				_, _ = io.Copy(io.Discard, in) // so that the writer never waits
				return
			}
			pass(e, report)
		}
	}()
	return out, func() error { return <-done }
}

// pass says in the host's words what an event says.
func pass(e wire.Event, report progress.Func) {
	switch e.Kind {
	case wire.EventProgress:
		report.Report(progress.Event{
			Kind: progress.Progress, Phase: e.Phase, Message: e.Message, Done: e.Done, Total: e.Total, Unit: progress.Unit(e.Unit),
		})
	case wire.EventEnd:
		report.Report(progress.Event{Kind: progress.Log, Phase: e.Phase, Message: e.Phase + " done", Seconds: e.Seconds})
	case wire.EventWarning:
		report.Warn(e.Message)
	case wire.EventLog:
		report.Report(progress.Event{Kind: progress.Log, Phase: e.Phase, Message: e.Message})
	}
}

// TreeFile is the name of a tree's squashfs in the folder that it was made in.
const TreeFile = squashName

// Remove deletes a folder whatever is in it: what a sandbox made belongs to subordinate ids, which only a sandbox may remove. A folder that is
// not there is no error.
func Remove(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	err := sandbox.Run(ctx, sandbox.Spec{Function: removeFunction, Binds: []sandbox.Bind{{Source: dir, Target: insideWork}}}, nil)
	if err != nil {
		return fmt.Errorf("removing %s, which a sandbox made: %w", dir, err)
	}
	return os.RemoveAll(dir)
}
