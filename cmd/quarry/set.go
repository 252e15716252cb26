package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
)

// setError says that some builds of a set did not do what was asked for. What became of each has been shown.
type setError struct{ report matrix.Report }

func (e *setError) Error() string {
	bad := e.report.Count(matrix.Failed, matrix.Refused, matrix.Interrupted)
	return fmt.Sprintf("%d of %d builds did not succeed", bad, len(e.report.Builds))
}

// code is exitVerify where all that is wrong is that images did not pass their boots.
func (e *setError) code() int {
	if e.report.Count(matrix.Failed, matrix.Interrupted) == 0 {
		return exitVerify
	}
	return exitFailed
}

// several builds the image for several architectures.
func (b *buildFlags) several(cmd *cobra.Command, s *session, planner *planner, requests []wanted) error {
	start := time.Now()
	var plans []plan.Plan
	var set []matrix.Build
	for _, r := range requests {
		p, err := planner.plan(cmd.Context(), r.Request, r.lock)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Arch, err)
		}
		plans, set = append(plans, p), append(set, buildOf(p))
	}
	var err error
	if s.ledger, err = openLedger(cmd, s.dirs); err != nil {
		return err
	}
	s.view.Show(progress.Event{Kind: progress.Log, Message: fmt.Sprintf("%d builds share %d CPUs and %d MiB of memory", len(set), s.limits.CPUs, s.limits.MemoryMiB)})
	results := matrix.Run(cmd.Context(), set, s.jobs(), func(ctx context.Context, i int, _ matrix.Build) matrix.Result {
		return s.buildOne(ctx, plans[i], requests[i], i)
	})
	report := matrix.NewReport("", start, results)
	err = s.ledger.close(cmd.Context(), failureOf(report))
	s.view.Close()
	return errors.Join(finish(cmd, report, b.json), err)
}

// jobs is how many builds are under way at a time: enough that some can use the CPUs while others download or wait for their turn.
func (s *session) jobs() int { return s.limits.CPUs + 2 }

// buildOf names a plan's build.
func buildOf(p plan.Plan) matrix.Build {
	return matrix.Build{Distro: p.Distro, Release: p.Release, Image: p.Image, Variant: p.Variant, Arch: p.Arch}
}

// buildOne builds one of several and tells the view how it ended.
func (s *session) buildOne(ctx context.Context, p plan.Plan, w wanted, order int) matrix.Result {
	start := time.Now()
	record, err := s.build(ctx, p, w.lock, order, p.Name())
	result := matrix.Result{State: stateOf(ctx, err)}
	if err != nil {
		result.Error = err.Error()
	}
	if record != nil {
		describe(&result, record)
	}
	end := progress.Event{Kind: progress.Done, Build: p.Name(), Seconds: time.Since(start).Seconds()}
	if err != nil {
		end.Kind, end.Message = progress.Failed, "logs in "+result.Logs // the step has said why
	}
	s.view.Show(end)
	return result
}

// stateOf is how a build ended.
func stateOf(ctx context.Context, err error) matrix.State {
	var refused *builders.VerifyError
	switch {
	case err == nil:
		return matrix.Built
	case ctx.Err() != nil:
		return matrix.Interrupted
	case errors.As(err, &refused):
		return matrix.Refused
	default:
		return matrix.Failed
	}
}

// describe adds what a build has left behind.
func describe(r *matrix.Result, record *recorder) {
	r.Logs = record.dir
	for _, s := range record.steps {
		r.Steps = append(r.Steps, matrix.Step{Name: s.Step, Seconds: s.Seconds, Skipped: s.Skipped})
	}
	for _, img := range record.outcome.Images {
		r.Images = append(r.Images, matrix.File{Path: img.Path, Format: img.Format, Size: img.Size, Digest: string(img.Digest)})
	}
	for _, d := range record.outcome.Published {
		for _, p := range d.Items {
			r.Published = append(r.Published, d.Path(p))
		}
	}
}

// finish ends a command that has run several builds: the table or the JSON, and the error for the exit code.
func finish(cmd *cobra.Command, report matrix.Report, json bool) error {
	var err error
	if json {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "\n%s", report.Text())
	}
	if failure := failureOf(report); failure != nil {
		return errors.Join(&reportedError{failure}, err)
	}
	return err
}

// failureOf is nil when all builds did what was asked for.
func failureOf(report matrix.Report) error {
	if report.Count(matrix.Failed, matrix.Refused, matrix.Interrupted) == 0 {
		return nil
	}
	return &setError{report}
}
