package disk

import (
	"context"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
)

// machineInput is what the work of any build machine depends on: what it is told to do and the programs in it.
type machineInput struct {
	Job     wire.Job
	Size    int64
	Network bool
	Kernel  digest.Digest
	Initrd  digest.Digest
	Stage2  digest.Digest
	Agent   string
}

func machineInputOf(job builders.Job, work wire.Job) machineInput {
	return machineInput{
		Job: work, Size: job.Plan.Disk.Size, Network: job.Plan.Machine.Network,
		Kernel: job.Inputs.Kernel.Digest, Initrd: job.Inputs.Initrd.Digest, Stage2: job.Inputs.Stage2.Digest, Agent: job.AgentID,
	}
}

// machineNeeds is what such a machine takes. Scripts may write as much again as the packages have, but hardly more.
func machineNeeds(job builders.Job) engine.Needs {
	m := job.Plan.Machine
	return builders.MachineNeeds(m.CPUs, m.MemoryMiB, min(job.Plan.Disk.Size, 2*builders.Unpacked(job.Lock)+1<<30))
}

// --- base: the disk before %post

type baseInput struct {
	machineInput
	Tree digest.Digest
	spec install.DiskSpec
}

type baseResult struct{ Base install.BaseDisk }

// Files of a base: its disk.
func (r baseResult) Files() []artifact.File { return []artifact.File{r.Base.Disk.File} }

func makeBase(ctx context.Context, job builders.Job, in baseInput) (install.BaseDisk, error) {
	step := engine.Step[baseInput, baseResult]{Name: "base", Version: 1, Needs: func(baseInput) engine.Needs { return machineNeeds(job) }, Run: func(ctx context.Context, in baseInput, env engine.Env) (baseResult, error) {
		base, err := install.Base(ctx, in.spec.In(env.Dir, env.LogDir), in.Job, env.Report)
		return baseResult{base}, err
	}}
	out, err := engine.Do(ctx, job.Runner, step, in)
	return out.Base, err
}

// --- disk: the finished one

// diskInput is what a disk depends on. One that goes on from a base has no Tree: it is in the base. The base counts by its path, which holds its
// step's key, and by the identifiers of its file systems in Job.Layout, which no two bases share: a base that had to be made again is another.
type diskInput struct {
	machineInput
	Kickstart digest.Digest // its text is left in the image
	Base      string
	Tree      digest.Digest
	Payload   digest.Digest
}

type diskResult struct {
	Disk artifact.Disk
	Base artifact.File // what the disk is an overlay of; empty when it is whole
}

// Files of a disk: the disk and what it is an overlay of.
func (r diskResult) Files() []artifact.File {
	files := []artifact.File{r.Disk.File}
	if r.Base.Path != "" {
		files = append(files, r.Base)
	}
	return files
}

func runDisk(ctx context.Context, job builders.Job, in diskInput, base artifact.File, make func(context.Context, engine.Env) (artifact.Disk, error)) (artifact.Disk, error) {
	needs := func(diskInput) engine.Needs { return machineNeeds(job) }
	step := engine.Step[diskInput, diskResult]{Name: "disk", Version: 2, Needs: needs, Run: func(ctx context.Context, in diskInput, env engine.Env) (diskResult, error) {
		disk, err := make(ctx, env)
		if err == nil && !in.Network {
			err = checkPinned(job.Lock, disk)
		}
		return diskResult{Disk: disk, Base: base}, err
	}}
	out, err := engine.Do(ctx, job.Runner, step, in)
	return out.Disk, err
}
