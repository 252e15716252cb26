package pebble

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// each calls work for 0 to n-1, a few at a time, and ends with the first error.
func each(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
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

// progressCount counts what is finished, from several goroutines.
type progressCount struct{ n atomic.Int64 }

func (c *progressCount) next() int64 { return c.n.Add(1) }
