package builders

import (
	"context"
	"errors"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/publish"
	"github.com/quarry-project/quarry/internal/verify"
)

// Publish says where and how far to publish.
type Publish struct {
	Dir    string
	Date   string // YYYYMMDD in UTC
	Latest bool
}

// Destination is what became of publishing into one tree.
type Destination struct {
	publish.Result        // Dir is always set
	Error          string `json:"error,omitempty"` // why nothing was published there
}

// PublishOutcome puts the images and their reports into every tree of s.Publish and tells what became of them. A tree that fails does
// not keep the others from being tried; the error then joins one *engine.StepError for each that failed.
func (s Setup) PublishOutcome(ctx context.Context, out *Outcome) error {
	if len(s.Publish) == 0 {
		return nil
	}
	items, err := out.items()
	if err != nil {
		return err
	}
	var failures []error
	out.Published = nil
	for _, to := range s.Publish {
		if ctx.Err() != nil {
			failures = append(failures, &engine.StepError{Step: "publish", Err: context.Cause(ctx)})
			break
		}
		done, err := s.publishTo(ctx, to, items)
		if err != nil {
			failures = append(failures, &engine.StepError{Step: "publish", Err: err})
		}
		out.Published = append(out.Published, done)
	}
	return errors.Join(failures...)
}

// publishTo publishes into one tree.
func (s Setup) publishTo(ctx context.Context, to Publish, items []publish.Item) (Destination, error) {
	report := s.Runner.Report
	start := time.Now()
	result, err := publish.Tree(to.Dir).Publish(ctx, items, publish.Options{Date: to.Date, Latest: to.Latest, Report: report})
	if err != nil {
		report.Report(progress.Event{Kind: progress.Failed, Step: "publish", Message: err.Error()})
		return Destination{Result: publish.Result{Dir: to.Dir}, Error: err.Error()}, err
	}
	seconds := time.Since(start).Seconds()
	done := progress.Event{Kind: progress.Done, Step: "publish", Message: "in " + result.Dir, Seconds: seconds}
	if !result.Changed {
		done = progress.Event{Kind: progress.Skipped, Step: "publish", Message: "unchanged"}
	}
	report.Report(done)
	if s.Runner.OnDone != nil {
		s.Runner.OnDone(engine.Record{Step: "publish", Skipped: !result.Changed, Seconds: seconds})
	}
	return Destination{Result: result}, nil
}

// items are the images with the names and reports that they are published with.
func (o *Outcome) items() ([]publish.Item, error) {
	var items []publish.Item
	for _, img := range o.Images {
		subject, alias, err := publish.SubjectOf(o.Plan, img)
		if err != nil {
			return nil, err
		}
		items = append(items, publish.Item{Image: img, Subject: subject, Alias: alias, Report: o.report(img)})
	}
	return items, nil
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
