package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/vm"
)

// InspectSpec is a look at a finished image in a machine that doesn't boot it.
type InspectSpec struct {
	Arch      arch.Arch
	Release   string // major release: chooses the emulated CPU
	Inputs    resolve.Inputs
	Agent     string // the agent's program for Arch
	Accel     vm.Accel
	Deadlines vm.Deadlines
	Image     vm.Drive // path and format; the file is not changed
	Room      int64    // bytes of scratch storage to unpack a root file system in
	Look      wire.Inspection
	Dir       string // existing folder for the console's log
}

// What the machine takes; its system does little.
const (
	InspectCPUs      = 2
	InspectMemoryMiB = 1536
)

// Inspect has the agent mount or unpack an image and run commands in it, and returns what they said, in their order. Errors are those of
// vm.Follow, and wrapped ones of the host.
func Inspect(ctx context.Context, s InspectSpec, report progress.Func) (_ []wire.Answer, err error) {
	initrd, scratch := filepath.Join(s.Dir, "initrd.img"), filepath.Join(s.Dir, "scratch.raw")
	defer func() {
		for _, f := range []string{initrd, scratch} {
			if removeErr := os.Remove(f); !errors.Is(removeErr, os.ErrNotExist) {
				err = errors.Join(err, removeErr)
			}
		}
	}()
	s.Image.Serial, s.Image.Snapshot = wire.Target, true
	drives := []vm.Drive{s.Image, {Path: s.Inputs.Stage2.Path, Format: "raw", Serial: wire.Runtime, ReadOnly: true}}
	if s.Look.Layer {
		if err := makeSparse(scratch, s.Room); err != nil {
			return nil, err
		}
		drives = append(drives, vm.Drive{Path: scratch, Format: "raw", Serial: wire.Scratch, Unsafe: true})
	}
	job := wire.Job{Format: wire.Format, Kind: wire.Inspect, Release: s.Release, Arch: s.Arch.Name, Inspection: &s.Look}
	if err := writeInitrd(initrd, s.Inputs.Initrd.Path, s.Agent, job, ""); err != nil {
		return nil, err
	}
	running, err := vm.Start(ctx, vm.Machine{
		Arch: s.Arch, Release: s.Release, CPUs: InspectCPUs, MemoryMiB: InspectMemoryMiB, Accel: s.Accel,
		Kernel: s.Inputs.Kernel.Path, Initrd: initrd, Append: kernelArguments(), Events: true, Dir: s.Dir, Drives: drives,
	})
	if err != nil {
		return nil, fmt.Errorf("starting a machine to look at the image: %w", err)
	}
	result, _, err := vm.Follow(ctx, running, s.Deadlines, report)
	if err != nil {
		return nil, err
	}
	if len(result.Answers) != len(s.Look.Commands) {
		return nil, fmt.Errorf("the machine answered %d of %d commands", len(result.Answers), len(s.Look.Commands))
	}
	return result.Answers, nil
}
