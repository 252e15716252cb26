package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quarry-project/quarry/internal/progress"
)

// DefaultPause is the time before a second attempt.
const DefaultPause = 10 * time.Second

// Retryable is an error that knows whether the same work may succeed later.
type Retryable interface {
	error
	Retryable() bool
}

// again does work until it succeeds, fails for good, or has failed as often as it may.
func again[Out any](ctx context.Context, r *Runner, attempts int, report progress.Func, work func() (Out, error)) (Out, error) {
	pause := r.Pause
	if pause == 0 {
		pause = DefaultPause
	}
	for attempt := 1; ; attempt++ {
		out, err := work()
		var passing Retryable
		if err == nil || attempt >= attempts || ctx.Err() != nil || !errors.As(err, &passing) || !passing.Retryable() {
			return out, err
		}
		report(progress.Event{Kind: progress.Warning, Message: fmt.Sprintf("attempt %d of %d: %v; trying again in %s", attempt, attempts, err, pause)})
		select {
		case <-ctx.Done():
			return out, errors.Join(err, context.Cause(ctx))
		case <-time.After(pause):
		}
		pause *= 2
	}
}
