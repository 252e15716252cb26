package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/source"
	"github.com/quarry-project/quarry/kickstarts"
	"github.com/quarry-project/quarry/pipelines"
)

// planner makes the plans of one command. It gets each commit of a kickstart repository once, however many images are made of it, so that all of
// them see the same one. It is for one goroutine.
type planner struct {
	catalog    plan.Catalog
	kickstarts string // of --kickstarts
	cache      string
	report     progress.Func
	checkouts  map[checkoutKey]checkoutResult
}

type checkoutKey struct{ source, branch, commit string }

// checkoutResult is also kept where it is an error: what can't be reached is not asked for each image.
type checkoutResult struct {
	source.Checkout
	err error
}

// planner reads the pipelines.
func (t *target) planner(dirs folders, report progress.Func) (*planner, error) {
	var files fs.FS = pipelines.Files
	if t.pipelines != "" {
		files = os.DirFS(t.pipelines)
	}
	catalog, err := plan.Load(files)
	return &planner{
		catalog: catalog, kickstarts: t.kickstarts, cache: dirs.cache, report: report, checkouts: map[checkoutKey]checkoutResult{},
	}, err
}

// plan makes a plan. A lock pins the kickstart's commit. What the request is to blame for is a usageError.
func (p *planner) plan(ctx context.Context, r plan.Request, lock *resolve.Lock) (plan.Plan, error) {
	commit := ""
	if lock != nil {
		commit = lock.Kickstart.Commit
	}
	return p.planAt(ctx, r, commit)
}

// planAt makes the plan of a commit of the kickstarts; empty is the newest.
func (p *planner) planAt(ctx context.Context, r plan.Request, commit string) (plan.Plan, error) {
	pipeline, err := p.catalog.Find(r)
	if err != nil {
		return plan.Plan{}, usageError{err}
	}
	checkout, err := p.checkout(ctx, pipeline, commit)
	if err != nil {
		return plan.Plan{}, err
	}
	made, err := plan.Make(pipeline, r, checkout)
	if errors.As(err, new(*plan.RequestError)) {
		err = usageError{err}
	}
	return made, err
}

// checkout gets the kickstarts.
func (p *planner) checkout(ctx context.Context, pipeline plan.Pipeline, commit string) (source.Checkout, error) {
	o, err := p.options(pipeline)
	if err != nil {
		return source.Checkout{}, err
	}
	if o.Source.Name == source.OwnName {
		return source.Own(kickstarts.Files), nil
	}
	o.Commit = commit
	key := checkoutKey{o.Source.Name, o.Branch, commit}
	have, ok := p.checkouts[key]
	if !ok {
		have.Checkout, have.err = source.Open(ctx, o)
		p.checkouts[key] = have
	}
	return have.Checkout, have.err
}

// options say where a pipeline's kickstarts are. The name alone says that they are Quarry's own.
func (p *planner) options(pipeline plan.Pipeline) (source.Options, error) {
	o := source.Options{CacheDir: p.cache, Override: p.kickstarts, Report: p.report}
	if pipeline.Source == source.OwnName {
		if p.kickstarts == "" || !pipeline.ReleaseSource() { // --kickstarts replaces the source of the release
			o.Source.Name = source.OwnName
		}
		return o, nil
	}
	catalog, err := source.LoadCatalog(kickstarts.Files)
	if err != nil {
		return o, err
	}
	if o.Source, o.Branch, err = catalog.Find(pipeline.Source, pipeline.Release()); err != nil {
		return o, fmt.Errorf("%s: %w", pipeline.File, err)
	}
	return o, nil
}
