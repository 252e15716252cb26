package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/agent/packages"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/vm"
)

// What the machine has that installs packages.
const (
	TreeCPUs      = 2
	TreeMemoryMiB = 2048
)

// treeInMachine has the agent install the packages on a scratch disk and write the squashfs of it to the output drive.
func treeInMachine(ctx context.Context, s TreeSpec, a arch.Arch, file string, report progress.Func) (result treeResult, err error) {
	need := int64(0)
	for _, p := range s.Lock.Packages {
		need += p.Installed
	}
	log := filepath.Join(s.LogDir, "packages")
	if err := os.MkdirAll(log, 0o755); err != nil {
		return treeResult{}, err
	}
	scratch, output, initrd := filepath.Join(s.Dir, "scratch.raw"), file+".part", filepath.Join(s.Dir, "initrd.img")
	defer func() {
		for _, f := range []string{scratch, output, initrd} {
			if removeErr := os.Remove(f); !errors.Is(removeErr, os.ErrNotExist) {
				err = errors.Join(err, removeErr)
			}
		}
	}()
	const room = 2 << 30 // for the file system itself, caches and the initramfs; both files are sparse
	if err := errors.Join(makeSparse(scratch, 2*need+room), makeSparse(output, need+room)); err != nil {
		return treeResult{}, err
	}
	spec := s.Lock.Request
	job := wire.Job{Format: wire.Format, Kind: wire.Packages, Release: s.Release, Arch: s.Arch, Packages: &spec}
	if err := writeInitrd(initrd, s.Inputs.Initrd.Path, s.Agent, job, ""); err != nil {
		return treeResult{}, err
	}
	running, err := vm.Start(ctx, vm.Machine{
		Arch: a, Release: s.Release, CPUs: TreeCPUs, MemoryMiB: TreeMemoryMiB, Accel: s.Accel,
		Kernel: s.Inputs.Kernel.Path, Initrd: initrd, Append: kernelArguments(), Events: true, Dir: log,
		Drives: []vm.Drive{
			{Path: scratch, Format: "raw", Serial: wire.Target, Unsafe: true},
			{Path: s.Inputs.Stage2.Path, Format: "raw", Serial: wire.Runtime, ReadOnly: true},
			{Path: s.Payload.Squash.Path, Format: "raw", Serial: wire.Payload, ReadOnly: true},
			{Path: output, Format: "raw", Serial: wire.Output, Unsafe: true},
		},
	})
	if err != nil {
		return treeResult{}, fmt.Errorf("starting a machine for the packages: %w", err)
	}
	answer, _, err := vm.Follow(ctx, running, s.Deadlines, report)
	if err != nil {
		return treeResult{}, err
	}
	return takeTree(answer, spec, output, file)
}

// takeTree checks what the machine says and gives the tree its name.
func takeTree(answer wire.Result, spec wire.PackageSpec, output, file string) (treeResult, error) {
	installed, err := packages.Manifest(answer.Packages)
	if err != nil {
		return treeResult{}, err
	}
	if err := packages.Compare(spec.Expected, installed); err != nil {
		return treeResult{}, err
	}
	if err := cut(output, answer.Written); err != nil {
		return treeResult{}, fmt.Errorf("the tree of packages: %w", err)
	}
	result := treeResult{Packages: installed, Unpacked: answer.Unpacked}
	return result, os.Rename(output, file)
}
