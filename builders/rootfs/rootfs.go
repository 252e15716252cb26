// Package rootfs builds root file systems: containers and WSL. The packages become a tree; a machine copies it onto scratch storage, runs the
// kickstart's configuration and scripts there and streams the result to the host as one tar; the tar becomes each of the plan's
// formats. Nothing is unpacked on the host.
//
// What is in the tar is what Anaconda leaves when it installs into a folder and lorax then packs all of it: no boot loader, no fstab but the
// packages' own, whatever the kickstart says of storage. /proc, /sys and /dev are empty; /run has only what a script put there after it had
// unmounted the machine's, as upstream's container kickstarts do for systemd's sake. SELinux labels are left out, which lorax keeps: no container
// runtime takes them from an image.
package rootfs

import (
	"context"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/packaging"
)

// Builder builds root file systems.
type Builder struct{}

// Build implements builders.Builder.
func (Builder) Build(ctx context.Context, job builders.Job) (builders.Built, error) {
	packages, err := builders.Tree(ctx, job)
	if err != nil {
		return builders.Built{}, err
	}
	root, phases, err := makeRoot(ctx, job, packages)
	if err != nil {
		return builders.Built{Phases: phases}, err
	}
	images, err := builders.PackAll(ctx, job, packaging.Source{Tree: &root})
	return builders.Built{Images: images, Phases: phases}, err
}

// rootInput is what a root file system depends on.
type rootInput struct {
	builders.MachineInput
	Kickstart digest.Digest // its text is left in the image
	Tree      digest.Digest
	Payload   digest.Digest
}

type rootResult struct {
	Tree   artifact.Tree
	Phases []artifact.Phase
}

// Files of a root file system: its tar.
func (r rootResult) Files() []artifact.File { return []artifact.File{r.Tree.File} }

func makeRoot(ctx context.Context, job builders.Job, packages artifact.Tree) (artifact.Tree, []artifact.Phase, error) {
	work, err := install.JobOf(job.Plan)
	if err != nil {
		return artifact.Tree{}, nil, err
	}
	// A change in what is not used must make nothing anew.
	work.Kind, work.Storage, work.Boot = wire.RootFS, wire.Storage{}, wire.Bootloader{}
	in := rootInput{
		MachineInput: job.MachineInput(work), Kickstart: job.Plan.Kickstart.Digest, Tree: packages.Digest, Payload: job.Payload.Squash.Digest,
	}
	needs := func(rootInput) engine.Needs { return job.MachineNeeds() }
	step := engine.Step[rootInput, rootResult]{Name: "rootfs", Version: builders.Version("rootfs"), Needs: needs, Run: func(ctx context.Context, in rootInput, env engine.Env) (rootResult, error) {
		root, phases, err := install.RootFS(ctx, job.DiskSpec(packages).In(env.Dir, env.LogDir), in.Job, env.Report)
		if err == nil && !in.Network {
			err = builders.CheckPinned(job.Lock, root.Packages)
		}
		return rootResult{root, phases}, err
	}}
	out, err := engine.Do(ctx, job.Runner, step, in)
	return out.Tree, builders.InStep("rootfs", out.Phases), err
}
