// Package disk builds disk images: GenericCloud, EC2, Azure, OCP, Vagrant, OpenNebula, GenericArm. The packages become a tree, the tree and the
// kickstart become a disk, the disk becomes each of the plan's formats.
package disk

import (
	"context"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/resolve"
)

// Builder builds disk images.
type Builder struct{}

// Build implements builders.Builder.
func (Builder) Build(ctx context.Context, job builders.Job) (builders.Built, error) {
	tree, err := builders.Tree(ctx, job)
	if err != nil {
		return builders.Built{}, err
	}
	disk, err := makeDisk(ctx, job, tree)
	if err != nil {
		return builders.Built{}, err
	}
	built := builders.Built{Phases: disk.Phases}
	for _, output := range job.Plan.Outputs {
		img, err := builders.Pack(ctx, job, packaging.Source{Disk: &disk}, output)
		if err != nil {
			return built, err
		}
		built.Images = append(built.Images, img)
	}
	return built, nil
}

// diskInput is what a disk depends on: what the machine is told to do, the tree, the drives beside it and the programs in it.
type diskInput struct {
	Job       wire.Job
	Kickstart digest.Digest // its text is left in the image
	Size      int64
	Network   bool
	Tree      digest.Digest
	Payload   digest.Digest
	Kernel    digest.Digest
	Initrd    digest.Digest
	Stage2    digest.Digest
	Agent     string
	spec      install.DiskSpec
	lock      resolve.Lock
}

type diskResult struct{ Disk artifact.Disk }

// Files of a disk: the disk.
func (r diskResult) Files() []artifact.File { return []artifact.File{r.Disk.File} }

func makeDisk(ctx context.Context, job builders.Job, tree artifact.Tree) (artifact.Disk, error) {
	machineJob, err := install.JobOf(job.Plan)
	if err != nil {
		return artifact.Disk{}, err
	}
	in := diskInput{
		Job: machineJob, Kickstart: job.Plan.Kickstart.Digest, Size: job.Plan.Disk.Size, Network: job.Plan.Machine.Network,
		Tree: tree.Digest, Payload: job.Payload.Squash.Digest,
		Kernel: job.Inputs.Kernel.Digest, Initrd: job.Inputs.Initrd.Digest, Stage2: job.Inputs.Stage2.Digest, Agent: job.AgentID,
		lock: job.Lock,
		spec: install.DiskSpec{
			Plan: job.Plan, Inputs: job.Inputs, Tree: tree, Payload: job.Payload.Squash.Path,
			Agent: job.Agent, Accel: job.Accel, Deadlines: job.Deadlines,
		},
	}
	step := engine.Step[diskInput, diskResult]{Name: "disk", Version: 1, Run: func(ctx context.Context, in diskInput, env engine.Env) (diskResult, error) {
		in.spec.Dir, in.spec.LogDir = env.Dir, env.LogDir
		disk, err := install.Disk(ctx, in.spec, env.Report)
		if err == nil && !in.Network {
			err = checkPinned(in.lock, disk)
		}
		return diskResult{disk}, err
	}}
	out, err := engine.Do(ctx, job.Runner, step, in)
	return out.Disk, err
}
