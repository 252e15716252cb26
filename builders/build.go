package builders

import (
	"context"
	"fmt"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/publish"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/store"
	"github.com/quarry-project/quarry/internal/verify"
	"github.com/quarry-project/quarry/internal/vm"
)

// Setup is what a build needs beside its plan. None of it changes what is built.
type Setup struct {
	Runner    *engine.Runner
	Store     *store.Store
	CacheDir  string // for what can be fetched or tried again: dnf's metadata, the accelerator probe
	Builders  map[string]Builder
	Agent     func(arch.Arch) (Agent, error)
	Accel     vm.Accel // wished for; auto probes
	Packages  install.Method
	Deadlines vm.Deadlines
	Lock      *resolve.Lock // to build from; nil solves
	NoVerify  bool          // leave the boots out; what is published then is never linked as latest
	Publish   *Publish      // nil publishes nothing
}

// Agent is the program that runs in build machines.
type Agent struct {
	Path string
	ID   string // digest of the program
}

// Publish says where and how far to publish.
type Publish struct {
	Dir    string
	Date   string // YYYYMMDD in UTC
	Latest bool
}

// Outcome is what a build came to. It is written as JSON beside the build's logs.
type Outcome struct {
	Plan      plan.Plan        `json:"plan"`
	Lock      resolve.Lock     `json:"-"`
	Accel     string           `json:"accel"`
	Images    []artifact.Image `json:"images"`
	Phases    []artifact.Phase `json:"phases,omitempty"`
	Reports   []verify.Report  `json:"reports"` // of the images that were booted
	Published *publish.Result  `json:"published,omitempty"`
}

// Build goes the whole way for one plan. When it fails, Outcome holds what was reached.
func (s Setup) Build(ctx context.Context, p plan.Plan) (Outcome, error) {
	out := Outcome{Plan: p}
	builder, ok := s.Builders[p.Builder]
	if !ok {
		return out, fmt.Errorf("%s: there is no builder %q", p.Name(), p.Builder)
	}
	a, err := arch.Lookup(p.Arch)
	if err != nil {
		return out, err
	}
	agent, err := s.Agent(a)
	if err != nil {
		return out, err
	}
	if out.Lock, err = s.LockFor(ctx, p); err != nil {
		return out, err
	}
	inputs, err := s.fetch(ctx, out.Lock)
	if err != nil {
		return out, err
	}
	payload, err := s.payload(ctx, out.Lock, inputs)
	if err != nil {
		return out, err
	}
	accel, reason, err := s.probe(ctx, p, a, agent, inputs)
	if err != nil {
		return out, err
	}
	s.Runner.Report.Log(reason)
	out.Accel = string(accel)
	built, err := builder.Build(ctx, Job{
		Runner: s.Runner, Plan: p, Lock: out.Lock, Inputs: inputs, Payload: payload, Accel: accel,
		Deadlines: s.Deadlines, Packages: s.Packages, Agent: agent.Path, AgentID: agent.ID,
	})
	out.Images, out.Phases = built.Images, built.Phases
	if err != nil {
		return out, err
	}
	for _, img := range built.Images {
		if s.NoVerify {
			break
		}
		report, err := s.Verify(ctx, img, verifyOptions(p, accel))
		if len(report.Boots) > 0 {
			out.Reports = append(out.Reports, report)
		}
		if err != nil {
			return out, err
		}
	}
	if s.Publish == nil {
		return out, nil
	}
	return out, s.PublishOutcome(ctx, &out)
}

// probe decides the accelerator.
func (s Setup) probe(ctx context.Context, p plan.Plan, a arch.Arch, agent Agent, inputs resolve.Inputs) (vm.Accel, string, error) {
	return install.Probe(ctx, install.ProbeSpec{
		Accel: s.Accel, Arch: a, Release: p.Release, Inputs: inputs, Agent: agent.Path, CacheDir: s.CacheDir,
	})
}

// PublishOutcome puts the images and their reports into the tree and tells what became of them.
func (s Setup) PublishOutcome(ctx context.Context, out *Outcome) error {
	var items []publish.Item
	for _, img := range out.Images {
		subject, alias, err := publish.SubjectOf(out.Plan, img)
		if err != nil {
			return err
		}
		items = append(items, publish.Item{Image: img, Subject: subject, Alias: alias, Report: out.report(img)})
	}
	report := s.Runner.Report
	start := time.Now()
	result, err := publish.Tree(s.Publish.Dir).Publish(ctx, items, publish.Options{
		Date: s.Publish.Date, Latest: s.Publish.Latest, Report: report,
	})
	if err != nil {
		return &engine.StepError{Step: "publish", Err: err}
	}
	out.Published = &result
	seconds := time.Since(start).Seconds()
	done := progress.Event{Kind: progress.Done, Step: "publish", Message: "in " + result.Dir, Seconds: seconds}
	if !result.Changed {
		done = progress.Event{Kind: progress.Skipped, Step: "publish", Message: "unchanged"}
	}
	report.Report(done)
	if s.Runner.OnDone != nil {
		s.Runner.OnDone(engine.Record{Step: "publish", Skipped: !result.Changed, Seconds: seconds})
	}
	return nil
}

// report is what booting an image showed, nil when it was not booted.
func (o *Outcome) report(img artifact.Image) *verify.Report {
	for i := range o.Reports {
		if o.Reports[i].Image.Digest == img.Digest {
			return &o.Reports[i]
		}
	}
	return nil
}
