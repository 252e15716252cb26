package builders

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/verify"
	"github.com/quarry-project/quarry/internal/vm"
)

type verifyInput struct {
	Image    digest.Digest
	Method   verify.Method
	Firmware []string
	User     string
	NoLoader bool
	MayFail  []string
	image    artifact.Image
	options  verify.Options
}

type verifyResult struct{ Report verify.Report }

// Files of a report: none that it could not do without.
func (verifyResult) Files() []artifact.File { return nil }

// VerifyError is an image that was booted and found wanting. The report says how.
type VerifyError struct {
	Report verify.Report
	Path   string // of the report
}

func (e *VerifyError) Error() string {
	var firsts []string
	for _, failure := range e.Report.Failures() {
		first, _, _ := strings.Cut(failure, "\n")
		firsts = append(firsts, first)
	}
	return fmt.Sprintf("%s did not pass: %s (report: %s)", filepath.Base(e.Report.Image.File), strings.Join(firsts, "; "), e.Path)
}

// verifyOptions say how an image of p is looked at. One that no machine of its own can show is looked at in a machine of inputs.
func (s Setup) verifyOptions(p plan.Plan, img artifact.Image, a arch.Arch, agent Agent, inputs resolve.Inputs, accel vm.Accel) (verify.Options, error) {
	method, err := verify.ParseMethod(p.Verify.Method)
	o := verify.Options{
		Method: method, Firmware: p.Verify.Firmware, Arch: p.Arch, Release: p.Release, User: p.Verify.User, MayFail: p.Verify.MayFail, Accel: accel,
		Provider: providerOf(p, img),
	}
	o.Look = func(ctx context.Context, in verify.Inspection, report progress.Func) ([]wire.Answer, error) {
		return install.Inspect(ctx, install.InspectSpec{
			Arch: a, Release: p.Release, Inputs: inputs, Agent: agent.Path, Accel: accel, Deadlines: s.Deadlines,
			Image: vm.Drive{Path: in.Path, Format: in.Format}, Room: in.Room, Look: in.Inspection, Dir: in.Dir,
		}, report)
	}
	if method == verify.Inspect {
		o.TakeKernel = func(ctx context.Context, in verify.Inspection, report progress.Func) (artifact.Kernel, error) {
			disk := artifact.Image{File: artifact.File{Path: in.Path}, Format: in.Format, Arch: img.Arch}
			return install.Kernel(ctx, install.KernelSpec{
				Image: disk, Release: p.Release, Inputs: inputs, Agent: agent.Path, Accel: accel, Deadlines: s.Deadlines, Dir: in.Dir, LogDir: in.Dir,
			}, report)
		}
	}
	return o, err
}

// providerOf is the provider of the output that img is.
func providerOf(p plan.Plan, img artifact.Image) string {
	for _, o := range p.Outputs {
		if o.Format == img.Format {
			return o.Provider
		}
	}
	return ""
}

// Verify looks at an image and returns what that showed. An image that does not pass is a *VerifyError with the report, which is not
// remembered: the next run tries again.
func (s Setup) Verify(ctx context.Context, img artifact.Image, o verify.Options) (verify.Report, error) {
	in := verifyInput{Image: img.Digest, Method: o.Method, Firmware: o.Firmware, User: o.User, NoLoader: o.NoLoader, MayFail: o.MayFail, image: img, options: o}
	var report verify.Report
	step := engine.Step[verifyInput, verifyResult]{Name: "verify", Version: Version("verify"), Needs: verifyNeeds, Run: func(ctx context.Context, in verifyInput, env engine.Env) (verifyResult, error) {
		options := in.options
		options.Packages, options.Report = in.image.Packages, env.Report
		options.Dir = filepath.Join(env.LogDir, "verify-"+in.image.Format)
		var err error
		if report, err = verify.Image(ctx, in.image, options); err != nil {
			return verifyResult{}, err
		}
		if !report.Passed {
			return verifyResult{}, &VerifyError{Report: report, Path: filepath.Join(options.Dir, verify.ReportFile)}
		}
		return verifyResult{report}, nil
	}}
	out, err := engine.Do(ctx, s.Runner, step, in)
	if err != nil {
		return report, err
	}
	return out.Report, nil
}
