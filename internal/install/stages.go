package install

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

// BaseDisk is a disk as it is before %post: any number of disks can go on from it, each as an overlay of its own, so it must not change.
type BaseDisk struct {
	Disk   artifact.Disk   `json:"disk"`
	Layout json.RawMessage `json:"layout"` // the machine's own notes, for the next one
}

// Stages divides a job into what comes before %post and %post itself. The third result is false where that would not be the same as one machine for
// both: without %post there is nothing to divide, and a %post outside the new system may look for what %pre has left in the machine.
func Stages(job wire.Job) (base, scripts wire.Job, ok bool) {
	after := func(s wire.Script) bool { return s.Section == "post" }
	before := func(s wire.Script) bool { return s.Section == "pre" || s.Section == "pre-install" }
	outside := func(s wire.Script) bool { return after(s) && s.NoChroot }
	if !slices.ContainsFunc(job.Scripts, after) || slices.ContainsFunc(job.Scripts, before) && slices.ContainsFunc(job.Scripts, outside) {
		return job, wire.Job{}, false
	}
	base, scripts = job, wire.Job{
		Format: job.Format, Kind: job.Kind, Stage: wire.Scripts, Distro: job.Distro, Release: job.Release, Arch: job.Arch, Offline: job.Offline,
		Storage: wire.Storage{Device: job.Storage.Device}, Scripts: slices.DeleteFunc(slices.Clone(job.Scripts), before),
	}
	base.Stage, base.Scripts = wire.Base, slices.DeleteFunc(slices.Clone(job.Scripts), after)
	return base, scripts, true
}

// In returns s with the folders of one step.
func (s DiskSpec) In(dir, logs string) DiskSpec {
	s.Dir, s.LogDir = dir, logs
	return s
}

// Base does the first part of Stages' work.
func Base(ctx context.Context, s DiskSpec, job wire.Job, report progress.Func) (BaseDisk, error) {
	disk, result, err := s.run(ctx, job, nil, report)
	return BaseDisk{Disk: disk, Layout: result.Layout}, err
}

// Scripts does the second part of Stages' work, with base's Layout in the job, on an overlay of base. The disk is a qcow2 that needs base's file.
func Scripts(ctx context.Context, s DiskSpec, job wire.Job, base BaseDisk, report progress.Func) (artifact.Disk, error) {
	disk, _, err := s.run(ctx, job, &base, report)
	return disk, err
}
