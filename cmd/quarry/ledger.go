package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/resolve"
)

// ledger is this process's run in the history. Each build of the run has a recorder.
type ledger struct {
	history *history.History
	run     string // its id
}

// openHistory opens the history of the folders.
func openHistory(ctx context.Context, dirs folders) (*history.History, error) {
	return history.Open(ctx, filepath.Join(dirs.state, history.FileName))
}

// openLedger begins a run in the history.
func openLedger(cmd *cobra.Command, dirs folders) (*ledger, error) {
	ctx := cmd.Context()
	h, err := openHistory(ctx, dirs)
	if err != nil {
		return nil, err
	}
	run, err := h.StartRun(ctx, commandLine(cmd), version)
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return &ledger{history: h, run: run}, nil
}

// commandLine is how cmd was called, in one spelling.
func commandLine(cmd *cobra.Command) []string {
	words := strings.Fields(cmd.CommandPath())
	cmd.Flags().Visit(func(f *pflag.Flag) { words = append(words, "--"+f.Name+"="+f.Value.String()) })
	return append(words, cmd.Flags().Args()...)
}

// close ends the run; failure is why it is not a good one.
func (l *ledger) close(ctx context.Context, failure error) error {
	message := ""
	if failure != nil {
		message = failure.Error()
	}
	err := l.history.FinishRun(context.WithoutCancel(ctx), l.run, endState(ctx, failure), message)
	return errors.Join(err, l.history.Close())
}

// endState is how something ended.
func endState(ctx context.Context, failure error) history.State {
	switch {
	case failure == nil:
		return history.Done
	case ctx.Err() != nil:
		return history.Interrupted
	}
	return history.Failed
}

// imageOf names the image of a plan.
func imageOf(p plan.Plan) history.Image {
	return history.Image{Distro: p.Distro, Release: p.Release, Image: p.Image, Variant: p.Variant, Arch: p.Arch}
}

// start begins a build of p in the run and returns its id.
func (l *ledger) start(ctx context.Context, p plan.Plan, logs string) (string, error) {
	id, err := p.Digest()
	if err != nil {
		return "", err
	}
	ks := p.Kickstart
	return l.history.StartBuild(ctx, l.run, history.Build{
		Image: imageOf(p), Version: p.Version, Plan: id, Logs: logs,
		Kickstart: history.Kickstart{Source: ks.Source, Branch: ks.Branch, Commit: ks.Commit, Path: ks.Path, Digest: ks.Digest},
	})
}

// unplanned keeps a build that ended before it had a plan: its kickstart could not be had, or makes no sense.
func (l *ledger) unplanned(ctx context.Context, image history.Image, failure error) error {
	keep := context.WithoutCancel(ctx)
	id, err := l.history.StartBuild(keep, l.run, history.Build{Image: image})
	if err != nil {
		return err
	}
	return l.history.FinishBuild(keep, id, history.Outcome{State: endState(ctx, failure), Error: failure.Error()})
}

// outcomeOf is what the history keeps of what a build came to.
func outcomeOf(ctx context.Context, o builders.Outcome, steps []engine.Record, failure error) (history.Outcome, error) {
	out := history.Outcome{State: endState(ctx, failure), Accel: o.Accel, Treeinfo: o.Lock.Tree.Treeinfo, Locked: lockedPackages(o.Lock)}
	if failure != nil {
		out.Error = failure.Error()
	} else if unchanged(steps) {
		out.State = history.Unchanged
	}
	if o.Lock.Format != 0 { // the build came as far as the Lock
		id, err := o.Lock.Digest()
		if err != nil {
			return out, err
		}
		out.Lock = id
		if out.Inputs, err = o.Inputs.Digest(); err != nil {
			return out, err
		}
	}
	out.Artifacts = artifactsOf(o)
	if len(o.Images) > 0 { // all are made of one disk or one tree
		for _, p := range o.Images[0].Packages {
			out.Installed = append(out.Installed, history.Package{NEVRA: p.NEVRA, Size: p.Size})
		}
	}
	for _, r := range o.Reports {
		data, err := json.Marshal(r)
		if err != nil {
			return out, fmt.Errorf("writing the boot report: %w", err)
		}
		out.Reports = append(out.Reports, history.Report{Digest: r.Image.Digest, Passed: r.Passed, JSON: data})
	}
	return out, nil
}

// artifactsOf are the files of a build and where they were published.
func artifactsOf(o builders.Outcome) []history.Artifact {
	var all []history.Artifact
	for i, img := range o.Images {
		a := history.Artifact{Format: img.Format, Path: img.Path, Size: img.Size, Digest: img.Digest}
		for _, d := range o.Published {
			if i < len(d.Items) { // none where publishing failed
				a.Published = append(a.Published, history.Publication{Path: d.Path(d.Items[i]), Latest: len(d.Items[i].Links) > 0})
			}
		}
		all = append(all, a)
	}
	return all
}

// unchanged reports whether every step's result was there already.
func unchanged(steps []engine.Record) bool {
	for _, s := range steps {
		if !s.Skipped {
			return false
		}
	}
	return len(steps) > 0
}

// lockedPackages are a Lock's packages as the history keeps them.
func lockedPackages(lock resolve.Lock) []history.Package {
	var all []history.Package
	for _, p := range lock.Packages {
		all = append(all, history.Package{NEVRA: p.NEVRA, Size: p.Installed})
	}
	return all
}
