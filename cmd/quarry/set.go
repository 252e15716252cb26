package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
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

// member is one build of a set.
type member struct {
	matrix.Build
	request plan.Request
	plan    plan.Plan
	err     error // why there is no plan
	lock    *resolve.Lock
	needed  func(context.Context, builders.Inputs, resolve.Lock) error // see job
}

// several builds the image for several architectures.
func (b *buildFlags) several(cmd *cobra.Command, s *session, planner *planner, requests []wanted) error {
	start := time.Now()
	var set []member
	for _, r := range requests {
		p, err := planner.plan(cmd.Context(), r.Request, r.lock)
		switch {
		case err == nil:
			set = append(set, member{Build: buildOf(p), plan: p, lock: r.lock})
		case errors.As(err, new(usageError)) || cmd.Context().Err() != nil:
			return fmt.Errorf("%s: %w", r.Arch, err)
		default: // one that can't be planned does not stop the others
			b := matrix.Build{Distro: r.Distro, Release: r.Release, Image: r.Image, Variant: r.Variant, Arch: r.Arch}
			set = append(set, member{Build: b, err: err})
		}
	}
	results, err := s.buildSet(cmd, set)
	s.view.Close()
	return errors.Join(finish(cmd, matrix.NewReport("", start, results), b.json), err)
}

// buildOf names a plan's build.
func buildOf(p plan.Plan) matrix.Build {
	return matrix.Build{Distro: p.Distro, Release: p.Release, Image: p.Image, Variant: p.Variant, Arch: p.Arch}
}

// buildSet builds a set, in its order, as one run of the history.
func (s *session) buildSet(cmd *cobra.Command, set []member) ([]matrix.Result, error) {
	var err error
	if s.ledger, err = openLedger(cmd, s.dirs); err != nil {
		return nil, err
	}
	s.view.Show(progress.Event{Kind: progress.Log, Message: fmt.Sprintf("%d builds share %d CPUs and %d MiB of memory", len(set), s.limits.CPUs, s.limits.MemoryMiB)})
	var builds []matrix.Build
	for _, m := range set {
		builds = append(builds, m.Build)
	}
	results := matrix.Run(cmd.Context(), builds, s.jobs(), func(ctx context.Context, i int, _ matrix.Build) matrix.Result {
		return s.buildMember(ctx, set[i], i)
	})
	return results, s.ledger.close(cmd.Context(), failureOf(matrix.Report{Builds: results}))
}

// jobs is how many builds are under way at a time: enough that some can use the CPUs while others download or wait for their turn.
func (s *session) jobs() int { return s.limits.CPUs + 2 }

// buildMember builds one of several and tells the view how it ended.
func (s *session) buildMember(ctx context.Context, m member, order int) matrix.Result {
	start := time.Now()
	var record *recorder
	err := m.err
	if err == nil {
		record, err = s.build(ctx, job{plan: m.plan, lock: m.lock, order: order, name: m.Name(), needed: m.needed})
	} else {
		image := history.Image{Distro: m.Distro, Release: m.Release, Image: m.Image, Variant: m.Variant, Arch: m.Arch}
		err = errors.Join(err, s.ledger.unplanned(ctx, image, err))
	}
	result := matrix.Result{State: stateOf(ctx, err)}
	if err != nil {
		result.Error = err.Error()
	}
	if record != nil {
		describe(&result, record)
	}
	end := progress.Event{Kind: progress.Done, Build: m.Name(), Seconds: time.Since(start).Seconds()}
	switch {
	case record == nil && err != nil:
		end.Kind, end.Message = progress.Failed, err.Error()
	case err != nil:
		end.Kind, end.Message = progress.Failed, "logs in "+result.Logs // the step has said why
	case result.State == matrix.Unchanged:
		end.Message = "unchanged"
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
	if record.same != nil {
		r.State, r.Reasons = matrix.Unchanged, []string{record.same.Reason}
	} else if r.State == matrix.Built && unchanged(record.steps) {
		r.State, r.Reasons = matrix.Unchanged, []string{"every step's result was there already"}
	}
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
