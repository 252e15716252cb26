package packaging

import (
	"context"
	"io"
	"sync"

	"github.com/quarry-project/quarry/internal/progress"
)

// meter is told how far something is, in percent. It may be called from several goroutines.
type meter func(percent float64)

// newMeter makes a meter that reports each whole percent of the phase once, and never goes back.
func newMeter(report progress.Func, phase string) meter {
	var mu sync.Mutex
	last := int64(-1)
	return func(percent float64) {
		mu.Lock()
		defer mu.Unlock()
		if now := int64(percent); now > last && now <= 100 {
			last = now
			report.Count(phase, now, 100, progress.Percent)
		}
	}
}

// part is a meter for what is from one percentage to another of the whole.
func (m meter) part(from, to float64) meter {
	return func(percent float64) { m(from + percent*(to-from)/100) }
}

// reader reads r, of which total bytes are expected, and ends with ctx.
func (m meter) reader(ctx context.Context, r io.Reader, total int64) io.Reader {
	return &meteredReader{ctx: ctx, r: r, meter: m, total: total}
}

type meteredReader struct {
	ctx         context.Context
	r           io.Reader
	meter       meter
	done, total int64
}

func (r *meteredReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.r.Read(p)
	r.done += int64(n)
	if r.total > 0 {
		r.meter(min(100, 100*float64(r.done)/float64(r.total)))
	}
	return n, err
}
