package builders

import (
	"slices"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/resolve"
)

// Inputs are the digests of all that an image is made from. Builds with equal inputs make the same image: there is no need for the second.
type Inputs struct {
	Kickstart digest.Digest `json:"kickstart"` // flattened
	Lock      digest.Digest `json:"lock"`      // its packages and the installer tree's files, wherever they come from
	Pipeline  digest.Digest `json:"pipeline"`  // the rest of the plan
	Code      digest.Digest `json:"code"`      // the versions of Quarry's own steps and the program in its machines
}

// Inputs are those of a build of p from its lock.
func (s Setup) Inputs(p plan.Plan, lock resolve.Lock) (Inputs, error) {
	in := Inputs{Kickstart: p.Kickstart.Digest}
	a, err := arch.Lookup(p.Arch)
	if err != nil {
		return in, err
	}
	agent, err := s.Agent(a)
	if err != nil {
		return in, err
	}
	if in.Lock, err = lock.Content(); err != nil {
		return in, err
	}
	if in.Pipeline, err = digest.JSON(pipelineOf(p)); err != nil {
		return in, err
	}
	in.Code, err = digest.JSON(struct {
		Steps map[string]int
		Agent string
	}{versions(), agent.ID})
	return in, err
}

// pipelineOf is the plan without what the other inputs say, and without addresses: the same files from elsewhere are the same files.
func pipelineOf(p plan.Plan) plan.Plan {
	p.Kickstart = plan.Kickstart{Version: p.Kickstart.Version}
	p.Tree, p.Repositories, p.Keys, p.Packages, p.Warnings = "", nil, nil, plan.Packages{}, nil
	p.Machine.CPUs, p.Machine.MemoryMiB = 0, 0 // they make it faster, not different
	return p
}

// Digest digests the inputs.
func (in Inputs) Digest() (digest.Digest, error) { return digest.JSON(in) }

// Differences names the inputs that are not the same, for people.
func (in Inputs) Differences(before Inputs) []string {
	all := []struct {
		name     string
		now, was digest.Digest
	}{
		{"the kickstart", in.Kickstart, before.Kickstart}, {"the packages or the installer tree", in.Lock, before.Lock},
		{"the pipeline", in.Pipeline, before.Pipeline}, {"Quarry itself", in.Code, before.Code},
	}
	var names []string
	for _, one := range all {
		if one.now != one.was {
			names = append(names, one.name)
		}
	}
	return slices.Clip(names)
}

// versions are those of the steps: each is raised when the step's code changes what it makes, and results of other versions are not used.
func versions() map[string]int {
	return map[string]int{"lock": 2, "fetch": 2, "payload": 1, "tree": 1, "base": 1, "disk": 2, "rootfs": 1, "initrd": 1, "root": 1, "squash": 1, "iso": 1, "package": 3, "kernel": 1, "verify": 3}
}

// Version is that of a step.
func Version(step string) int { return versions()[step] }
