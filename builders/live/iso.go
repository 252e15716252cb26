package live

import (
	"context"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/plan"
)

// squashFile is where dracut's live module looks for the root file system.
const squashFile = "LiveOS/squashfs.img"

// parts are what an ISO is made of.
type parts struct {
	root   rootResult
	squash artifact.File
	boot   install.BootSet
}

// isoInput is what an ISO depends on: its parts by their content, and what is written on it.
type isoInput struct {
	Squash digest.Digest
	Boot   map[string]digest.Digest
	Live   plan.Live
	Args   string
	Arch   string
	Time   time.Time
}

// isoResult is a medium without a digest, which packaging gives it.
type isoResult struct {
	Image  artifact.Image
	Phases []artifact.Phase
}

// Files of an ISO: the ISO.
func (r isoResult) Files() []artifact.File { return []artifact.File{r.Image.File} }

func makeISO(ctx context.Context, job builders.Job, from parts) (isoResult, error) {
	a, err := arch.Lookup(job.Plan.Arch)
	if err != nil {
		return isoResult{}, err
	}
	in := isoInput{
		Squash: from.squash.Digest, Boot: map[string]digest.Digest{}, Live: *job.Plan.Live,
		Args: arguments(job.Plan.Live.VolumeID), Arch: job.Plan.Arch, Time: from.root.Time,
	}
	for name, f := range from.boot.Files {
		in.Boot[name] = f.Digest
	}
	return do(ctx, job, "iso", isoNeeds(from), in, func(ctx context.Context, env engine.Env) (out isoResult, err error) {
		report, phases := watch("iso", env.Report)
		spec := isoSpec(job.Plan, a, in, from)
		// Named after its plan, so that whoever finds the file in the work folder knows what it is.
		spec.Dir, spec.Out = env.Dir, filepath.Join(env.Dir, job.Plan.Name()+".iso")
		var file artifact.File
		err = report.Phase(ctx, "medium", func(ctx context.Context) (err error) {
			file, err = iso.Make(ctx, spec, env.Report)
			return err
		})
		out.Image = artifact.Image{File: file, Format: "iso", Arch: job.Plan.Arch, Boot: spec.Starts(), Packages: from.root.Packages}
		out.Phases = phases()
		return out, err
	})
}

// isoSpec says what the ISO holds and how it starts. It is pure.
func isoSpec(p plan.Plan, a arch.Arch, in isoInput, from parts) iso.Spec {
	return iso.Spec{
		Arch: a.Name, Loader: loader(a, in.Live.Boot), VolumeID: in.Live.VolumeID, Family: family(in.Live.Title, p.Version, p.DistroName), Version: p.Version,
		Menu:    iso.Menu{Title: in.Live.Title, Args: in.Args, Check: "rd.live.check"},
		Content: []iso.File{{Path: squashFile, Source: from.squash.Path}}, Stage2: squashFile,
		Boot: bootOf(from.boot), Time: in.Time,
	}
}

// arguments are the kernel's: dracut finds the medium by its volume id.
func arguments(volumeID string) string {
	return "root=live:CDLABEL=" + volumeID + " rd.live.image quiet"
}

// squashNeeds is room for what the root really holds, and memory for the blocks that are packed at the same time.
func squashNeeds(root rootResult) engine.Needs {
	cpus := runtime.NumCPU()
	n := engine.Needs{CPUs: cpus, MemoryMiB: 1024 + 64*cpus, DiskBytes: root.File.Size}
	var s syscall.Stat_t
	if syscall.Stat(root.File.Path, &s) == nil {
		n.DiskBytes = s.Blocks * 512
	}
	return n
}

// isoNeeds is room for the parts once more.
func isoNeeds(from parts) engine.Needs {
	sum := from.squash.Size
	for _, f := range from.boot.Files {
		sum += 2 * f.Size // a part of them is in the file system for UEFI as well
	}
	return engine.Needs{CPUs: 1, MemoryMiB: 512, DiskBytes: sum}
}
