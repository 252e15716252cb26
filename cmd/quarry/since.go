package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/source"
)

// changedSince reports whether the plan's kickstart, with all that it includes, is another than at a commit or a time of before. Where that
// can't be told, as the kickstarts are no repository, it is taken to be.
func (p *planner) changedSince(ctx context.Context, r plan.Request, now plan.Plan, since string) (bool, error) {
	pipeline, err := p.catalog.Find(r)
	if err != nil {
		return false, err
	}
	checkout, err := p.checkout(ctx, pipeline, "")
	if err != nil {
		return false, err
	}
	if checkout.Commit == "" {
		p.report.Warn(fmt.Sprintf("%s: its kickstarts are no git repository, so it is taken to have changed", now.Name()))
		return true, nil
	}
	older, err := commitAt(ctx, checkout, since, time.Now())
	if err != nil || older == "" {
		return true, err
	}
	then, err := checkout.At(older)
	if err != nil {
		return false, usageError{fmt.Errorf("--since %s: %w", since, err)}
	}
	before, err := plan.Make(pipeline, r, then)
	return err != nil || before.Kickstart.Digest != now.Kickstart.Digest, nil //nolint:nilerr // what could not be planned then has changed
}

// commitAt is the commit that people mean by a commit, a day, a time, or an age such as 24h; empty when the repository did not exist yet.
func commitAt(ctx context.Context, c source.Checkout, since string, now time.Time) (string, error) {
	if age, err := time.ParseDuration(since); err == nil {
		return before(ctx, c, now.Add(-age))
	}
	for _, form := range []string{time.DateOnly, time.RFC3339, time.DateTime} {
		if at, err := time.Parse(form, since); err == nil {
			return before(ctx, c, at)
		}
	}
	id, err := c.Resolve(since)
	if errors.Is(err, source.ErrUnknownCommit) {
		err = usageError{fmt.Errorf("--since %q is neither a commit of %s nor a date such as 2026-01-31 nor an age such as 24h", since, c.From)}
	}
	return id, err
}

func before(ctx context.Context, c source.Checkout, at time.Time) (string, error) {
	commit, found, err := c.Before(ctx, at)
	if err != nil || !found {
		return "", err
	}
	return commit.ID, nil
}

// maxTouching is how many commits are looked at one by one.
const maxTouching = 200

// touching are the commits since an older one that changed the plan's kickstart or what it includes, newest first. Where the repository does not
// know the older one, none are.
func (p *planner) touching(ctx context.Context, r plan.Request, now plan.Plan, older string) ([]source.Commit, error) {
	pipeline, err := p.catalog.Find(r)
	if err != nil || older == "" || older == now.Kickstart.Commit {
		return nil, err
	}
	checkout, err := p.checkout(ctx, pipeline, "")
	if err != nil {
		return nil, err
	}
	history, err := checkout.Since(ctx, older)
	if errors.Is(err, source.ErrUnknownCommit) || len(history.Commits) > maxTouching {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	digestAt := func(id string) (digest.Digest, error) {
		at, err := checkout.At(id)
		if err != nil {
			return "", err
		}
		made, err := plan.Make(pipeline, r, at)
		if err != nil {
			return "", nil //nolint:nilerr // a commit at which there is no such kickstart differs from one at which there is
		}
		return made.Kickstart.Digest, nil
	}
	last, err := digestAt(older)
	if err != nil {
		return nil, err
	}
	var found []source.Commit
	for _, commit := range slices.Backward(history.Commits) {
		is, err := digestAt(commit.ID)
		if err != nil {
			return nil, err
		}
		if is != last {
			found = append(found, commit)
		}
		last = is
	}
	slices.Reverse(found)
	return found, nil
}
