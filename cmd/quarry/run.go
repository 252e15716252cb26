package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
)

// runFlags are quarry run's own flags.
type runFlags struct {
	target
	chooseFlags
	makingFlags
	report string
	junit  string
	force  bool
	dryRun bool
}

func newRun() *cobra.Command {
	var r runFlags
	cmd := &cobra.Command{
		Use:   "run [SELECTOR…]",
		Short: "Build a set of images, each only if something that it is made of has changed",
		Long: `Run builds all images that its selectors mean, as many at once as the host's CPUs, memory and disk allow, the longest first. What is
common to them is made once. An image whose kickstart, packages, installer tree and pipeline are those of the published one is not built
again. One that fails does not stop the others.

A selector is DISTRO/RELEASE/IMAGE/ARCH. Each part may be a glob, parts at the end may be left out, and IMAGE is an image with its variant or
without it. The name of a build is one, too, with its architecture or without it. Flags and a run file narrow the set further.

Exit codes: 0 all images were built or are unchanged, 1 a build failed, 2 the command line or the run file makes no sense, 3 nothing worse
happened than images that did not pass their boots, 130 interrupted.`,
		Example: `  quarry run --label nightly --publish /srv/images
  quarry run rocky/9/GenericCloud-Base rocky/9/Container* --arch x86_64,aarch64 --publish out --report run.json --junit run.xml
  quarry run --file nightly.yaml --since 24h --dry-run`,
		RunE: func(cmd *cobra.Command, selectors []string) error { return r.run(cmd, selectors) },
	}
	registerChoosing(cmd)
	r.registerSite(cmd)
	r.chooseFlags.register(cmd)
	r.makingFlags.register(cmd)
	f := cmd.Flags()
	f.StringVar(&r.report, "report", "", "write what became of each build as JSON to `FILE`")
	f.StringVar(&r.junit, "junit", "", "write it as JUnit XML to `FILE`")
	f.BoolVar(&r.force, "force", false, "build what has not changed, too, and run every step of it again")
	f.BoolVar(&r.dryRun, "dry-run", false, "only tell what would be built and why, as quarry plan does")
	return cmd
}

func (r *runFlags) run(cmd *cobra.Command, selectors []string) error {
	start := time.Now()
	c, err := r.open(cmd, &r.target, r.makingFlags, selectors, start)
	if err != nil {
		return err
	}
	defer c.close()
	if r.dryRun {
		return planSet(cmd, c.session, c.planner, c.set, r.json)
	}
	set, err := byCost(cmd.Context(), c.dirs, c.set)
	if err != nil {
		return err
	}
	for i := range set {
		if !r.force {
			set[i].needed = c.needed(set[i].plan)
		}
	}
	if r.force {
		c.fresh = start.UTC().Format(time.RFC3339Nano)
	}
	results, err := c.buildSet(cmd, set)
	c.view.Close()
	report := matrix.NewReport(c.name, start, results)
	if r.report != "" {
		err = errors.Join(err, report.Save(r.report))
	}
	if r.junit != "" {
		err = errors.Join(err, report.SaveJUnit(r.junit))
	}
	return errors.Join(finish(cmd, report, r.json), err)
}

// members plans the builds, and leaves out those whose kickstart has not changed since a commit or a time, if there is one. A build that can't be
// planned is a member nevertheless: it fails when its turn comes, and the others are built.
func (p *planner) members(ctx context.Context, request plan.Request, builds []matrix.Build, since string) ([]member, error) {
	var set []member
	for _, b := range builds {
		request.Distro, request.Release, request.Image, request.Variant, request.Arch = b.Distro, b.Release, b.Image, b.Variant, b.Arch
		m := member{Build: b, request: request}
		m.plan, m.err = p.plan(ctx, request, nil)
		var usage usageError
		if errors.As(m.err, &usage) { // a wrong mirror, which is wrong for all
			return nil, m.err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if since != "" && m.err == nil {
			changed, err := p.changedSince(ctx, request, m.plan, since)
			if err != nil {
				return nil, err
			}
			if !changed {
				p.report(progress.Event{Kind: progress.Log, Message: b.Name() + ": its kickstart has not changed since " + since})
				continue
			}
		}
		set = append(set, m)
	}
	return set, nil
}

// byCost puts what takes longest first, as far as the history knows it. What it doesn't know goes before that: it may take longest.
func byCost(ctx context.Context, dirs folders, set []member) ([]member, error) {
	h, err := openHistory(ctx, dirs)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	cost := map[string]float64{}
	for _, m := range set {
		seconds, known, err := expected(ctx, h, m.Build)
		if err != nil {
			return nil, err
		}
		if !known {
			seconds = 1e9 + float64(m.plan.Disk.Size)/1e9 // the larger the disk, the more is in it
		}
		cost[m.Name()] = seconds
	}
	slices.SortStableFunc(set, func(a, b member) int {
		switch ca, cb := cost[a.Name()], cost[b.Name()]; {
		case ca > cb:
			return -1
		case ca < cb:
			return 1
		}
		return 0
	})
	return set, nil
}

// expected is how many seconds a build takes in which every step runs, by the history of the image, else by that of its other architectures.
func expected(ctx context.Context, h *history.History, b matrix.Build) (float64, bool, error) {
	image := history.Image{Distro: b.Distro, Release: b.Release, Image: b.Image, Variant: b.Variant, Arch: b.Arch}
	for range 2 {
		steps, err := h.StepSeconds(ctx, image)
		if err != nil {
			return 0, false, err
		}
		var sum float64
		for _, step := range steps {
			sum += step.Seconds
		}
		if len(steps) > 0 {
			return sum, true, nil
		}
		image.Arch = ""
	}
	return 0, false, nil
}

// short cuts a commit for people.
func short(commit string) string { return commit[:min(12, len(commit))] }

// words joins what is known of something, for a line.
func words(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), ", ")
}

// aboutTime is a duration as people estimate.
func aboutTime(seconds float64) string {
	return fmt.Sprint((time.Duration(seconds) * time.Second).Round(time.Second))
}
