// Package disk builds disk images: GenericCloud, EC2, Azure, OCP, Vagrant, OpenNebula, GenericArm. The packages become a tree, the tree and the
// kickstart become a disk, the disk becomes each of the plan's formats.
package disk

import (
	"context"
	"slices"

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
	built := builders.Built{Phases: phases}
	if err != nil {
		return built, err
	}
	for _, output := range job.Plan.Outputs {
		img, err := builders.Pack(ctx, job, packaging.Source{Disk: &disk}, output)
		if err != nil {
			return built, err
		}
		built.Images = append(built.Images, img)
	}
	return built, nil
}

// makeDisk runs the kickstart. What comes before %post is a disk of its own wherever it can be, so that a change in %post goes on from there.
func makeDisk(ctx context.Context, job builders.Job, tree artifact.Tree) (artifact.Disk, []artifact.Phase, error) {
	whole, err := install.JobOf(job.Plan)
	if err != nil {
		return artifact.Disk{}, nil, err
	}
	spec := install.DiskSpec{
		Plan: job.Plan, Inputs: job.Inputs, Tree: tree, Payload: job.Payload.Squash.Path,
		Agent: job.Agent, Accel: job.Accel, Deadlines: job.Deadlines,
	}
	first, scripts, divided := install.Stages(whole)
	if !divided {
		in := diskInput{
			machineInput: machineInputOf(job, whole), Kickstart: job.Plan.Kickstart.Digest, Tree: tree.Digest, Payload: job.Payload.Squash.Digest,
		}
		disk, err := runDisk(ctx, job, in, artifact.File{}, func(ctx context.Context, env engine.Env) (artifact.Disk, error) {
			return install.Disk(ctx, spec.In(env.Dir, env.LogDir), env.Report)
		})
		return disk, inStep("disk", disk.Phases), err
	}
	base, err := makeBase(ctx, job, baseInput{machineInput: machineInputOf(job, first), Tree: tree.Digest, spec: spec})
	phases := inStep("base", base.Disk.Phases)
	if err != nil {
		return artifact.Disk{}, phases, err
	}
	scripts.Layout = base.Layout
	in := diskInput{
		machineInput: machineInputOf(job, scripts), Kickstart: job.Plan.Kickstart.Digest, Base: base.Disk.Path, Payload: job.Payload.Squash.Digest,
	}
	disk, err := runDisk(ctx, job, in, base.Disk.File, func(ctx context.Context, env engine.Env) (artifact.Disk, error) {
		return install.Scripts(ctx, spec.In(env.Dir, env.LogDir), scripts, base, env.Report)
	})
	return disk, append(phases, inStep("disk", disk.Phases)...), err
}

// inStep says which step a machine's phases belong to.
func inStep(step string, phases []artifact.Phase) []artifact.Phase {
	phases = slices.Clone(phases)
	for i := range phases {
		phases[i].Step = step
	}
	return phases
}
