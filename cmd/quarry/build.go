package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
)

// buildFlags are quarry build's own flags.
type buildFlags struct {
	target
	makingFlags
	locks []string
}

func newBuild() *cobra.Command {
	var b buildFlags
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build an image, boot it, and publish it",
		Long: `Build goes the whole way: plan, lock, fetch, install, package, boot, publish. Steps whose inputs have not changed are not run again, and
a build that was stopped goes on where it was. An image that does not pass its boots is never published as latest.

Several architectures are built at once as far as the host's CPUs, memory and disk allow; one that fails does not stop the others.`,
		Example: `  quarry build --release 9 --image GenericCloud --publish out
  quarry build --image GenericCloud --arch x86_64,aarch64,ppc64le,s390x --publish out
  quarry build --image GenericCloud --lock rocky9.lock.json --publish out
  quarry build --image GenericCloud --kickstarts ~/kickstarts --no-latest --publish out`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd) },
	}
	b.target.register(cmd)
	b.makingFlags.register(cmd)
	f := cmd.Flags()
	f.Lookup("arch").Usage = "architecture, as RPM calls it; or several, with commas between them"
	f.StringArrayVar(&b.locks, "lock", nil, "build from this Lock `FILE` instead of solving; of several architectures one for each")
	return cmd
}

func (b *buildFlags) run(cmd *cobra.Command) error {
	start := time.Now()
	made, err := b.parse(start)
	if err != nil {
		return err
	}
	dirs, err := newFolders(b.work)
	if err != nil {
		return err
	}
	requests, err := b.requests()
	if err != nil {
		return err
	}
	view := newView(cmd.ErrOrStderr(), b.json, b.verbose)
	defer view.Close()
	s, err := newSession(cmd.Context(), made, dirs, view)
	if err != nil {
		return err
	}
	defer s.close()
	planner, err := b.planner(dirs, view.Show)
	if err != nil {
		return err
	}
	if len(requests) > 1 {
		return b.several(cmd, s, planner, requests)
	}
	p, err := planner.plan(cmd.Context(), requests[0].Request, requests[0].lock)
	var usage usageError
	if errors.As(err, &usage) { // nothing was begun
		return err
	}
	var lerr error
	if s.ledger, lerr = openLedger(cmd, dirs); lerr != nil {
		return errors.Join(err, lerr)
	}
	if err != nil {
		pipeline, ferr := planner.catalog.Find(requests[0].Request) // it has been found before
		image := history.Image{Distro: pipeline.Distro(), Release: pipeline.Release(), Image: pipeline.Image(), Variant: pipeline.Variant(), Arch: requests[0].Arch}
		return errors.Join(err, ferr, s.ledger.unplanned(cmd.Context(), image, err), s.ledger.close(cmd.Context(), err))
	}
	record, err := s.build(cmd.Context(), job{plan: p, lock: requests[0].lock})
	err = errors.Join(err, s.ledger.close(cmd.Context(), err))
	view.Close()
	if record == nil {
		return err
	}
	out := cmd.OutOrStdout()
	if b.json {
		return errors.Join(err, printJSON(out, record.result(err)))
	}
	if err != nil {
		for _, d := range record.outcome.Published { // one that failed does not hide the others
			destination(out, d)
		}
		explain(cmd.ErrOrStderr(), err, record.dir)
		return &reportedError{err}
	}
	return summary(out, record.outcome, record.steps, time.Since(start))
}

// wanted is one build that was asked for.
type wanted struct {
	plan.Request
	lock *resolve.Lock // nil solves
}

// requests are the builds that the flags ask for, one for each architecture.
func (b *buildFlags) requests() ([]wanted, error) {
	var all []wanted
	for name := range strings.SplitSeq(b.request.Arch, ",") {
		w := wanted{Request: b.request}
		w.Arch = strings.TrimSpace(name)
		if slices.ContainsFunc(all, func(have wanted) bool { return have.Arch == w.Arch }) {
			return nil, usageError{fmt.Errorf("--arch %s: %s is there twice", b.request.Arch, w.Arch)}
		}
		all = append(all, w)
	}
	if len(b.locks) == 0 {
		return all, nil
	}
	if len(b.locks) != len(all) {
		return nil, usageError{fmt.Errorf("a Lock is for one architecture: give --lock FILE once for each of %s", b.request.Arch)}
	}
	for _, file := range b.locks {
		lock, err := resolve.Load(file)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(all, func(w wanted) bool { return w.Arch == lock.Request.Arch || len(all) == 1 })
		if at < 0 || all[at].lock != nil {
			return nil, usageError{fmt.Errorf("--lock %s is for %s: give one for each of %s", file, lock.Request.Arch, b.request.Arch)}
		}
		all[at].lock = &lock
	}
	return all, nil
}

// build runs the build and keeps what it came to, whether it failed or not.
func (r *recorder) build(ctx context.Context, setup builders.Setup, p plan.Plan) error {
	r.report(progress.Event{Kind: progress.Log, Message: "building " + p.Name() + " (" + r.id + "); logs in " + r.dir})
	outcome, err := setup.Build(ctx, p)
	// The digest stands for the kickstart's text, which may hold passwords: records and logs are kept.
	outcome.Plan.Kickstart.Text = ""
	r.outcome = outcome
	var same *builders.Unchanged
	if errors.As(err, &same) {
		r.same, err = same, nil
		r.report(progress.Event{Kind: progress.Log, Message: same.Error()})
	}
	if err != nil {
		r.log.Error(err)
	}
	var step *engine.StepError
	if errors.As(err, &step) {
		r.failed(step)
	}
	r.keep(func(keep context.Context) error {
		out, herr := outcomeOf(ctx, outcome, r.steps, err)
		if r.same != nil {
			out.State = history.Unchanged
		}
		return errors.Join(herr, r.ledger.history.FinishBuild(keep, r.id, out))
	})
	return errors.Join(err, r.save(err))
}
