package builders

import (
	"context"
	"fmt"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/verify"
)

// --- kernel: what an image without a boot loader is started with

type kernelInput struct {
	Image digest.Digest
	Agent string
	image artifact.Image
	job   Job
}

type kernelResult struct{ Kernel artifact.Kernel }

// Files of a kernel: it and its initramfs.
func (r kernelResult) Files() []artifact.File {
	return []artifact.File{r.Kernel.File, r.Kernel.Initrd}
}

// direct makes o boot an image's kernel without its boot loader, where the image has none for any firmware that it would be booted by; other
// images leave o as it is. What such a boot does not show, its report says.
func (s Setup) direct(ctx context.Context, job Job, img artifact.Image, o verify.Options) (verify.Options, error) {
	if o.Method == verify.Inspect || len(verify.Able(img.Boot, o.Firmware)) > 0 || len(o.Firmware) == 0 || img.Format != "qcow2" && img.Format != "raw" {
		return o, nil
	}
	work, err := install.JobOf(job.Plan)
	if err != nil {
		return o, err
	}
	o.NoLoader = work.Boot.Disabled
	s.Runner.Report.Warn(fmt.Sprintf("%s got no boot loader for %v: its kernel is started directly, which shows nothing of a boot loader", img.Arch, o.Firmware))
	in := kernelInput{Image: img.Digest, Agent: job.AgentID, image: img, job: job}
	needs := func(kernelInput) engine.Needs { return job.MachineNeeds() }
	step := engine.Step[kernelInput, kernelResult]{Name: "kernel", Version: Version("kernel"), Needs: needs, Run: func(ctx context.Context, in kernelInput, env engine.Env) (kernelResult, error) {
		kernel, err := install.Kernel(ctx, install.KernelSpec{
			Image: in.image, Release: in.job.Plan.Release, Inputs: in.job.Inputs, Agent: in.job.Agent, Accel: in.job.Accel,
			Deadlines: in.job.Deadlines, Dir: env.Dir, LogDir: env.LogDir,
		}, env.Report)
		return kernelResult{kernel}, err
	}}
	out, err := engine.Do(ctx, s.Runner, step, in)
	if err != nil {
		return o, err
	}
	o.Kernel, o.Firmware = &out.Kernel, []string{verify.Direct}
	return o, nil
}
