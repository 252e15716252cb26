package store

import (
	"sync/atomic"
	"time"

	"github.com/quarry-project/quarry/internal/progress"
)

// counter adds up the bytes of all files and reports them, a few times a second.
type counter struct {
	total  int64
	done   atomic.Int64
	last   atomic.Int64 // UnixNano of the last report
	report progress.Func
}

func (c *counter) add(n int64) {
	c.done.Add(n)
	now, last := time.Now().UnixNano(), c.last.Load()
	if now-last > int64(200*time.Millisecond) && c.last.CompareAndSwap(last, now) {
		c.flush()
	}
}

func (c *counter) flush() { c.report.Count("fetch", max(0, c.done.Load()), c.total, progress.Bytes) }
