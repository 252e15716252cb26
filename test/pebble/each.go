package pebble

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// each calls work for 0 to n-1, as many at a time as there are jobs, and ends with the first error.
func each(ctx context.Context, jobs, n int, work func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i := range n {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return work(ctx, i)
		})
	}
	return group.Wait()
}
