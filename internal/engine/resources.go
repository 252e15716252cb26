package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Needs is what a step takes of the host while it runs. What is zero doesn't count.
type Needs struct {
	CPUs      int   `json:"cpus,omitempty"`
	MemoryMiB int   `json:"memoryMiB,omitempty"`
	DiskBytes int64 `json:"diskBytes,omitempty"` // that it may fill before it ends
}

func (n Needs) plus(m Needs) Needs {
	return Needs{n.CPUs + m.CPUs, n.MemoryMiB + m.MemoryMiB, n.DiskBytes + m.DiskBytes}
}

func (n Needs) minus(m Needs) Needs {
	return Needs{n.CPUs - m.CPUs, n.MemoryMiB - m.MemoryMiB, n.DiskBytes - m.DiskBytes}
}

func (n Needs) String() string {
	var parts []string
	if n.CPUs > 0 {
		parts = append(parts, fmt.Sprintf("%d CPU", n.CPUs))
	}
	if n.MemoryMiB > 0 {
		parts = append(parts, fmt.Sprintf("%d MiB of memory", n.MemoryMiB))
	}
	if n.DiskBytes > 0 {
		parts = append(parts, fmt.Sprintf("%.1f GB of disk", float64(n.DiskBytes)/1e9))
	}
	return strings.Join(parts, ", ")
}

// Limits is what steps may take together. What is zero, or nil, bounds nothing.
type Limits struct {
	CPUs      int
	MemoryMiB int
	// FreeDisk tells how many bytes are free at the moment where steps write. It is asked again for each step: others fill the disk too.
	FreeDisk func() int64
}

// patience is how often a step that needs much may be overtaken by steps that need less, before nothing overtakes it any more.
const patience = 4

// Resources shares the host between the steps of several builds. Steps wait in the order of their builds, and within that in the order in
// which they came; the first that fits runs. One that was overtaken a few times is overtaken no more, so none waits for ever. One that
// needs more than there is runs while nothing else does.
type Resources struct {
	limits Limits

	mu      sync.Mutex
	used    Needs
	running int
	waiting []*waiter
}

type waiter struct {
	needs  Needs
	order  int
	passed int
	ready  chan struct{} // closed when it may run
}

// NewResources shares out what limits has.
func NewResources(limits Limits) *Resources { return &Resources{limits: limits} }

// take waits until needs are there, or ctx ends. wait is called if it has to wait at all. The returned function gives back what was taken.
func (r *Resources) take(ctx context.Context, order int, needs Needs, wait func()) (func(), error) {
	if r == nil || needs == (Needs{}) {
		return func() {}, nil
	}
	w := &waiter{needs: needs, order: order, ready: make(chan struct{})}
	r.mu.Lock()
	at, _ := slices.BinarySearchFunc(r.waiting, order+1, func(w *waiter, order int) int { return w.order - order })
	r.waiting = slices.Insert(r.waiting, at, w)
	r.admit()
	r.mu.Unlock()
	release := func() { r.release(needs) }
	select {
	case <-w.ready:
		return release, nil
	default:
		wait()
	}
	select {
	case <-w.ready:
		return release, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	at = slices.Index(r.waiting, w)
	if at >= 0 {
		r.waiting = slices.Delete(r.waiting, at, at+1)
		r.admit() // it may have been what the others had to wait for
	}
	r.mu.Unlock()
	if at < 0 { // it was admitted at the same moment
		release()
	}
	return nil, fmt.Errorf("waiting for %s: %w", needs, context.Cause(ctx))
}

func (r *Resources) release(needs Needs) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used = r.used.minus(needs)
	r.running--
	r.admit()
}

// admit lets run what fits, with r.mu held.
func (r *Resources) admit() {
	for i := 0; i < len(r.waiting); {
		w := r.waiting[i]
		switch {
		case r.fits(w.needs):
			r.used = r.used.plus(w.needs)
			r.running++
			for _, overtaken := range r.waiting[:i] {
				overtaken.passed++
			}
			r.waiting = slices.Delete(r.waiting, i, i+1)
			close(w.ready)
		case w.passed >= patience:
			return
		default:
			i++
		}
	}
}

func (r *Resources) fits(needs Needs) bool {
	if r.running == 0 {
		return true
	}
	all := r.used.plus(needs)
	within := func(used, limit int) bool { return limit == 0 || used <= limit }
	// What running steps have written is gone from the free space and still in their needs: too careful rather than too late.
	return within(all.CPUs, r.limits.CPUs) && within(all.MemoryMiB, r.limits.MemoryMiB) &&
		(needs.DiskBytes == 0 || r.limits.FreeDisk == nil || all.DiskBytes <= r.limits.FreeDisk())
}
