package live

import (
	"context"
	"path/filepath"
	"time"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/squash"
)

// --- root: the live system's files

// rootInput is what a root depends on.
type rootInput struct {
	builders.MachineInput
	Kickstart digest.Digest // its text is left in the image
	Tree      digest.Digest
	Payload   digest.Digest
}

// rootResult is a root: a folder with nothing in it but one ext4, or a tar.
type rootResult struct {
	Folder   string             // of an ext4; empty for a tar
	File     artifact.File      // the ext4 or the tar
	Time     time.Time          // when it was finished: of what is made of it
	Packages []artifact.Package // what is installed at the end
	Phases   []artifact.Phase
}

// Files of a root: the one that it is.
func (r rootResult) Files() []artifact.File { return []artifact.File{r.File} }

func makeRoot(ctx context.Context, job builders.Job, packages artifact.Tree) (rootResult, error) {
	work, err := install.JobOf(job.Plan)
	if err != nil {
		return rootResult{}, err
	}
	// A change in what is not used must make nothing anew.
	work.Kind, work.Storage, work.Boot = wire.Live, wire.Storage{}, wire.Bootloader{}
	if !job.Plan.Live.Inner {
		work.Kind, work.Labels = wire.RootFS, true
	}
	in := rootInput{
		MachineInput: job.MachineInput(work), Kickstart: job.Plan.Kickstart.Digest, Tree: packages.Digest, Payload: job.Payload.Squash.Digest,
	}
	return do(ctx, job, "root", job.MachineNeeds(), in, func(ctx context.Context, env engine.Env) (out rootResult, err error) {
		spec := job.DiskSpec(packages).In(env.Dir, env.LogDir)
		if work.Kind == wire.Live {
			var disk artifact.Disk
			disk, out.Folder, err = install.LiveRoot(ctx, spec, work, env.Report)
			out.File, out.Packages, out.Phases = disk.File, disk.Packages, disk.Phases
		} else {
			var tree artifact.Tree
			tree, out.Phases, err = install.RootFS(ctx, spec, work, env.Report)
			out.File, out.Packages = tree.File, tree.Packages
		}
		if err == nil && !in.Network {
			err = builders.CheckPinned(job.Lock, out.Packages)
		}
		out.Time, out.Phases = time.Now().UTC().Truncate(time.Second), builders.InStep("root", out.Phases)
		return out, err
	})
}

// --- squash: the root, compressed

// squashInput is what a squashed root depends on. The root counts by its path, which holds its step's key: an ext4 has no digest of its own.
type squashInput struct {
	Root    string
	Options squash.Options
}

type squashResult struct {
	File   artifact.File
	Phases []artifact.Phase
}

// Files of a squashed root: the squashfs.
func (r squashResult) Files() []artifact.File { return []artifact.File{r.File} }

func makeSquash(ctx context.Context, job builders.Job, root rootResult) (squashResult, error) {
	in := squashInput{Root: root.File.Path, Options: squash.Options{Compression: job.Plan.Live.Squash, Arch: job.Plan.Arch, Time: root.Time}}
	return do(ctx, job, "squash", squashNeeds(root), in, func(ctx context.Context, env engine.Env) (out squashResult, err error) {
		report, phases := watch("squash", env.Report)
		out.File.Path = filepath.Join(env.Dir, "squashfs.img")
		err = report.Phase(ctx, in.Options.Compression, func(ctx context.Context) error {
			if root.Folder != "" {
				return squash.Folder(ctx, root.Folder, out.File.Path, in.Options, env.Report)
			}
			return squash.Tar(ctx, root.File.Path, out.File.Path, in.Options, env.Report)
		})
		if err == nil {
			out.File.Digest, out.File.Size, err = digest.File(out.File.Path)
		}
		out.Phases = phases()
		return out, err
	})
}
