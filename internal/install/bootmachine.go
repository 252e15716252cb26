package install

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/quarry-project/quarry/internal/agent/bootset"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/vm"
)

// maxBootSet bounds what a machine may write as boot files, in bytes.
const maxBootSet = 2 << 30

// bootSetInMachine has the agent copy the tree to a scratch drive, make the files there and write them to the output drive.
func (s BootSpec) bootSetInMachine(ctx context.Context, a arch.Arch, out string, report progress.Func) (result wire.BootResult, err error) {
	log := filepath.Join(s.LogDir, "boot")
	if err := os.MkdirAll(log, 0o755); err != nil {
		return result, err
	}
	scratch, output, initrd := filepath.Join(s.Dir, "scratch.raw"), filepath.Join(s.Dir, "output.raw"), filepath.Join(s.Dir, "machine.img")
	defer func() {
		for _, f := range []string{scratch, output, initrd} {
			if removeErr := os.Remove(f); !errors.Is(removeErr, os.ErrNotExist) {
				err = errors.Join(err, removeErr)
			}
		}
	}()
	job := wire.Job{
		Format: wire.Format, Kind: wire.BootSet, Release: s.Release, Arch: a.Name, BootSet: &s.Want, Tree: wire.TreeSource{Unpacked: s.Tree.Unpacked},
	}
	err = errors.Join(
		makeSparse(scratch, 2*s.Tree.Unpacked+2*maxBootSet), makeSparse(output, maxBootSet),
		writeInitrd(initrd, s.Inputs.Initrd.Path, s.Agent, job, ""), os.Mkdir(out, 0o755),
	)
	if err != nil {
		return result, err
	}
	running, err := vm.Start(ctx, vm.Machine{
		Arch: a, Release: s.Release, CPUs: TreeCPUs, MemoryMiB: TreeMemoryMiB, Accel: s.Accel,
		Kernel: s.Inputs.Kernel.Path, Initrd: initrd, Append: kernelArguments(), Events: true, Dir: log,
		Drives: []vm.Drive{
			{Path: scratch, Format: "raw", Serial: wire.Target, Unsafe: true},
			{Path: s.Inputs.Stage2.Path, Format: "raw", Serial: wire.Runtime, ReadOnly: true},
			{Path: s.Tree.Path, Format: "raw", Serial: wire.Tree, ReadOnly: true},
			{Path: output, Format: "raw", Serial: wire.Output, Unsafe: true},
		},
	})
	if err != nil {
		return result, fmt.Errorf("starting a machine for the boot files: %w", err)
	}
	answer, _, err := vm.Follow(ctx, running, s.Deadlines, report)
	if err != nil {
		return result, err
	}
	if answer.BootSet == nil {
		return result, errors.New("the machine does not say which boot files it made")
	}
	if err := cut(output, answer.Written); err != nil {
		return result, fmt.Errorf("the boot files: %w", err)
	}
	in, err := os.Open(output)
	if err != nil {
		return result, err
	}
	defer in.Close()
	return *answer.BootSet, unpackBootSet(ctx, in, out, answer.BootSet.Files)
}

// unpackBootSet unpacks what a machine wrote: the files that it says it made, and only such as the collector would have made.
func unpackBootSet(ctx context.Context, in io.ReadSeeker, out string, names []string) error {
	if _, err := scanTar(ctx, in); err != nil {
		return err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	left := slices.Clone(names)
	reader := tar.NewReader(in)
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		i := slices.Index(left, h.Name)
		if i < 0 || h.Typeflag != tar.TypeReg || !bootset.ValidName(h.Name) {
			return fmt.Errorf("the machine wrote %q, which is no boot file that it told of", wire.Clean(h.Name))
		}
		left = slices.Delete(left, i, i+1)
		path := filepath.Join(out, h.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := writeFrom(path, reader); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("the machine told of boot files that it did not write: %q", left)
	}
	return nil
}
