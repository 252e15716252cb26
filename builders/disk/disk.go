// Package disk builds disk images: GenericCloud, EC2, Azure, OCP, Vagrant, OpenNebula, GenericArm. The packages become a tree, the tree and the
// kickstart become a disk, the disk becomes each of the plan's formats.
package disk

import (
	"context"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/packaging"
)

// Builder builds disk images.
type Builder struct{}

// Build implements builders.Builder.
func (Builder) Build(ctx context.Context, job builders.Job) (builders.Built, error) {
	tree, err := builders.Tree(ctx, job)
	if err != nil {
		return builders.Built{}, err
	}
	disk, phases, err := makeDisk(ctx, job, tree)
	if err != nil {
		return builders.Built{Phases: phases}, err
	}
	images, err := builders.PackAll(ctx, job, packaging.Source{Disk: &disk})
	return builders.Built{Images: images, Phases: phases}, err
}

// makeDisk runs the kickstart. What comes before %post is a disk of its own wherever it can be, so that a change in %post goes on from there.
func makeDisk(ctx context.Context, job builders.Job, tree artifact.Tree) (artifact.Disk, []artifact.Phase, error) {
	whole, err := install.JobOf(job.Plan)
	if err != nil {
		return artifact.Disk{}, nil, err
	}
	spec := job.DiskSpec(tree)
	first, scripts, divided := install.Stages(whole)
	if !divided {
		in := diskInput{
			MachineInput: job.MachineInput(whole), Kickstart: job.Plan.Kickstart.Digest, Tree: tree.Digest, Payload: job.Payload.Squash.Digest,
		}
		disk, err := runDisk(ctx, job, in, artifact.File{}, func(ctx context.Context, env engine.Env) (artifact.Disk, error) {
			return install.Disk(ctx, spec.In(env.Dir, env.LogDir), env.Report)
		})
		return disk, builders.InStep("disk", disk.Phases), err
	}
	base, err := makeBase(ctx, job, baseInput{MachineInput: job.MachineInput(first), Tree: tree.Digest, spec: spec})
	phases := builders.InStep("base", base.Disk.Phases)
	if err != nil {
		return artifact.Disk{}, phases, err
	}
	scripts.Layout = base.Layout
	in := diskInput{
		MachineInput: job.MachineInput(scripts), Kickstart: job.Plan.Kickstart.Digest, Base: base.Disk.Path, Payload: job.Payload.Squash.Digest,
	}
	disk, err := runDisk(ctx, job, in, base.Disk.File, func(ctx context.Context, env engine.Env) (artifact.Disk, error) {
		return install.Scripts(ctx, spec.In(env.Dir, env.LogDir), scripts, base, env.Report)
	})
	return disk, append(phases, builders.InStep("disk", disk.Phases)...), err
}
