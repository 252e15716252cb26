package disk

import (
	"context"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
)

// --- base: the disk before %post

type baseInput struct {
	builders.MachineInput
	Tree digest.Digest
	spec install.DiskSpec
}

type baseResult struct{ Base install.BaseDisk }

// Files of a base: its disk.
func (r baseResult) Files() []artifact.File { return []artifact.File{r.Base.Disk.File} }

func makeBase(ctx context.Context, job builders.Job, in baseInput) (install.BaseDisk, error) {
	step := engine.Step[baseInput, baseResult]{Name: "base", Version: builders.Version("base"), Needs: func(baseInput) engine.Needs { return job.MachineNeeds() }, Run: func(ctx context.Context, in baseInput, env engine.Env) (baseResult, error) {
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
	builders.MachineInput
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
	needs := func(diskInput) engine.Needs { return job.MachineNeeds() }
	step := engine.Step[diskInput, diskResult]{Name: "disk", Version: builders.Version("disk"), Needs: needs, Run: func(ctx context.Context, in diskInput, env engine.Env) (diskResult, error) {
		disk, err := make(ctx, env)
		if err == nil && !in.Network {
			err = builders.CheckPinned(job.Lock, disk.Packages)
		}
		return diskResult{Disk: disk, Base: base}, err
	}}
	out, err := engine.Do(ctx, job.Runner, step, in)
	return out.Disk, err
}
