package builders

import (
	"slices"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
)

// MachineInput is what the work of any build machine depends on: what it is told to do and the programs in it.
type MachineInput struct {
	Job     wire.Job
	Size    int64
	Network bool
	Kernel  digest.Digest
	Initrd  digest.Digest
	Stage2  digest.Digest
	Agent   string
}

// MachineInput is what the work of job's machine depends on.
func (job Job) MachineInput(work wire.Job) MachineInput {
	return MachineInput{
		Job: work, Size: job.Plan.Disk.Size, Network: job.Plan.Machine.Network,
		Kernel: job.Inputs.Kernel.Digest, Initrd: job.Inputs.Initrd.Digest, Stage2: job.Inputs.Stage2.Digest, Agent: job.AgentID,
	}
}

// MachineNeeds is what such a machine takes. Scripts may write as much again as the packages have, but hardly more.
func (job Job) MachineNeeds() engine.Needs {
	m := job.Plan.Machine
	return MachineNeeds(m.CPUs, m.MemoryMiB, min(job.Plan.Disk.Size, 2*Unpacked(job.Lock)+1<<30))
}

// DiskSpec is what an installation is made from, without the folders of its step.
func (job Job) DiskSpec(tree artifact.Tree) install.DiskSpec {
	return install.DiskSpec{
		Plan: job.Plan, Inputs: job.Inputs, Tree: tree, Payload: job.Payload.Squash.Path,
		Agent: job.Agent, Accel: job.Accel, Deadlines: job.Deadlines,
	}
}

// InStep says which step a machine's phases belong to.
func InStep(step string, phases []artifact.Phase) []artifact.Phase {
	phases = slices.Clone(phases)
	for i := range phases {
		phases[i].Step = step
	}
	return phases
}
