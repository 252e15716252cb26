package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/quarry-project/quarry/internal/agent/packages"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/qemuimg"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/vm"
)

// DiskSpec is what a disk is made from.
type DiskSpec struct {
	Plan      plan.Plan
	Inputs    resolve.Inputs
	Tree      artifact.Tree
	Payload   string       // squashfs of the repository that scripts install from
	Agent     string       // the agent's program for the plan's architecture
	Accel     vm.Accel     // kvm or tcg
	Deadlines vm.Deadlines // of the machine
	Dir       string       // existing folder that gets the disk
	LogDir    string       // existing folder that gets the console's log and the machine's command line
}

// Deadlines returns the time that a build machine may take: silence is for any one phase, total for all of them together. A zero
// leaves the default, which is generous enough for emulation.
func Deadlines(silence, total time.Duration) vm.Deadlines {
	if silence == 0 {
		silence = 10 * time.Minute
	}
	if total == 0 {
		total = 3 * time.Hour
	}
	return vm.Deadlines{
		Limit: vm.Limit{Silence: silence, Total: total},
		Phase: map[string]vm.Limit{"boot": {Silence: min(silence, 5*time.Minute)}},
	}
}

// Disk runs the kickstart in a machine: %pre, storage, the tree copied on, configuration, boot loader, %post. The disk is raw and
// sparse. Errors are those of vm.Follow, and wrapped ones of the host.
func Disk(ctx context.Context, s DiskSpec, report progress.Func) (artifact.Disk, error) {
	job, err := JobOf(s.Plan)
	if err != nil {
		return artifact.Disk{}, err
	}
	disk, _, err := s.run(ctx, job, nil, report)
	return disk, err
}

// run does one job in one machine, on a new disk or on an overlay of base.
func (s DiskSpec) run(ctx context.Context, job wire.Job, base *BaseDisk, report progress.Func) (artifact.Disk, wire.Result, error) {
	fail := func(err error) (artifact.Disk, wire.Result, error) { return artifact.Disk{}, wire.Result{}, err }
	a, err := arch.Lookup(s.Plan.Arch)
	if err != nil {
		return fail(err)
	}
	target, err := s.target(ctx, base)
	if err != nil {
		return fail(err)
	}
	drives := []vm.Drive{
		{Path: target.Path, Format: target.Format, Serial: wire.Target, Unsafe: true},
		{Path: s.Inputs.Stage2.Path, Format: "raw", Serial: wire.Runtime, ReadOnly: true},
	}
	text := ""
	if job.Stage != wire.Scripts {
		job.Tree = wire.TreeSource{Unpacked: s.Tree.Unpacked}
		drives = append(drives, vm.Drive{Path: s.Tree.Path, Format: "raw", Serial: wire.Tree, ReadOnly: true})
	}
	if job.Stage != wire.Base {
		text = s.Plan.Kickstart.Text
		drives = append(drives, vm.Drive{Path: s.Payload, Format: "raw", Serial: wire.Payload, ReadOnly: true})
	}
	if job.Kind == wire.RootFS {
		drives = append(drives, vm.Drive{Path: s.output(), Format: "raw", Serial: wire.Output, Unsafe: true})
	}
	initrd := filepath.Join(s.Dir, "initrd.img")
	if err := writeInitrd(initrd, s.Inputs.Initrd.Path, s.Agent, job, text); err != nil {
		return fail(err)
	}
	defer os.Remove(initrd)
	dir := filepath.Join(s.LogDir, machineName(job.Stage))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	running, err := vm.Start(ctx, vm.Machine{
		Arch: a, Release: s.Plan.Release, CPUs: s.Plan.Machine.CPUs, MemoryMiB: s.Plan.Machine.MemoryMiB, Accel: s.Accel,
		Kernel: s.Inputs.Kernel.Path, Initrd: initrd, Append: kernelArguments(),
		Network: s.Plan.Machine.Network, Events: true, Dir: dir, Drives: drives,
	})
	if err != nil {
		return fail(fmt.Errorf("starting the build machine: %w", err))
	}
	result, phases, err := vm.Follow(ctx, running, s.Deadlines, report)
	if err != nil {
		return fail(err)
	}
	installed, err := packages.Manifest(result.Packages)
	if err != nil {
		return fail(err)
	}
	info, err := os.Stat(target.Path)
	if err != nil {
		return fail(err)
	}
	target.Size = info.Size()
	target.Boot = artifact.Boot{BIOS: result.BIOS, UEFI: result.UEFI, PReP: result.PReP, ZIPL: result.ZIPL}
	target.Packages, target.Phases = installed, phases
	return target, result, nil
}

// target makes the file that the machine writes to.
func (s DiskSpec) target(ctx context.Context, base *BaseDisk) (artifact.Disk, error) {
	disk := artifact.Disk{VirtualSize: s.Plan.Disk.Size, Arch: s.Plan.Arch}
	if base == nil {
		disk.Path, disk.Format = filepath.Join(s.Dir, "disk.raw"), "raw"
		return disk, makeSparse(disk.Path, s.Plan.Disk.Size)
	}
	disk.Path, disk.Format = filepath.Join(s.Dir, "disk.qcow2"), "qcow2"
	return disk, qemuimg.Overlay(ctx, disk.Path, base.Disk.Path, base.Disk.Format, s.Plan.Disk.Size)
}

// machineName is the folder of a machine's logs.
func machineName(s wire.Stage) string {
	if s == wire.Whole {
		return "install"
	}
	return "install-" + string(s)
}

// kernelArguments starts the agent. What the installer's own initrd would do is not wanted.
func kernelArguments() string {
	return fmt.Sprintf("rdinit=%s quiet loglevel=4 selinux=0 audit=0 net.ifnames=0", wire.Agent)
}

// writeInitrd is the installer tree's initrd with the agent, its job and the kickstart behind it. The job can hold passwords, so
// the file is for its owner only.
func writeInitrd(path, base, agent string, job wire.Job, kickstart string) error {
	data, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("writing the machine's job: %w", err)
	}
	err = vm.Initrd(path, base, map[string]vm.File{
		wire.Agent:   {Path: agent, Mode: 0o755},
		wire.JobPath: {Data: data, Mode: 0o600},
		wire.KSPath:  {Data: []byte(kickstart), Mode: 0o600},
	})
	if err != nil {
		return fmt.Errorf("making the machine's initrd: %w", err)
	}
	return nil
}

func makeSparse(path string, size int64) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Truncate(size)
}
