package builders

import (
	"context"
	"fmt"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/plan"
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
	States    *States       // shared with the other builds of a run; nil asks for each
	// Needed is asked once it is known what the image would be made from: an *Unchanged ends the build there. nil builds always.
	Needed   func(context.Context, Inputs, resolve.Lock) error
	NoVerify bool      // leave the boots out; what is published then is never linked as latest
	Publish  []Publish // every tree to publish into
}

// Unchanged says that there is no need to build.
type Unchanged struct{ Reason string }

func (e *Unchanged) Error() string { return "nothing has changed: " + e.Reason }

// Agent is the program that runs in build machines.
type Agent struct {
	Path string
	ID   string // digest of the program
}

// Outcome is what a build came to. It is written as JSON beside the build's logs.
type Outcome struct {
	Plan      plan.Plan        `json:"plan"`
	Lock      resolve.Lock     `json:"-"`
	Inputs    Inputs           `json:"inputs"`
	Accel     string           `json:"accel"`
	Images    []artifact.Image `json:"images"`
	Phases    []artifact.Phase `json:"phases,omitempty"`
	Reports   []verify.Report  `json:"reports"`                // of the images that were booted
	Published []Destination    `json:"destinations,omitempty"` // one for each of Setup.Publish that was tried
}

// Build goes the whole way for one plan. When it fails, Outcome holds what was reached.
func (s Setup) Build(ctx context.Context, p plan.Plan) (Outcome, error) {
	out := Outcome{Plan: p}
	for _, warning := range p.Warnings {
		s.Runner.Report.Warn(warning)
	}
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
	if out.Inputs, err = s.Inputs(p, out.Lock); err != nil {
		return out, err
	}
	if s.Needed != nil {
		if err := s.Needed(ctx, out.Inputs, out.Lock); err != nil {
			return out, err
		}
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
	job := Job{
		Runner: s.Runner, Plan: p, Lock: out.Lock, Inputs: inputs, Payload: payload, Accel: accel,
		Deadlines: s.Deadlines, Packages: s.Packages, Agent: agent.Path, AgentID: agent.ID,
	}
	built, err := builder.Build(ctx, job)
	out.Images, out.Phases = built.Images, built.Phases
	if err != nil {
		return out, err
	}
	for _, img := range built.Images {
		if s.NoVerify {
			break
		}
		options, err := s.verifyOptions(p, img, a, agent, inputs, accel)
		if err == nil {
			options, err = s.direct(ctx, job, img, options)
		}
		if err != nil {
			return out, err
		}
		report, err := s.Verify(ctx, img, options)
		if report.Image.Digest != "" {
			out.Reports = append(out.Reports, report)
		}
		if err != nil {
			return out, err
		}
	}
	return out, s.PublishOutcome(ctx, &out)
}

// probe decides the accelerator.
func (s Setup) probe(ctx context.Context, p plan.Plan, a arch.Arch, agent Agent, inputs resolve.Inputs) (vm.Accel, string, error) {
	return install.Probe(ctx, install.ProbeSpec{
		Accel: s.Accel, Arch: a, Release: p.Release, Inputs: inputs, Agent: agent.Path, CacheDir: s.CacheDir,
	})
}
