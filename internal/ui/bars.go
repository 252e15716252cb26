package ui

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/quarry-project/quarry/internal/progress"
)

// barView draws one bar for each phase that is under way and prints all else above them.
type barView struct {
	mu      sync.Mutex
	out     *mpb.Progress
	start   time.Time
	verbose bool
	bars    map[string]*bar // by step and phase
}

type bar struct {
	*mpb.Bar
	last progress.Event
	mu   sync.Mutex
}

func newBarView(w io.Writer, start time.Time, verbose bool) *barView {
	return &barView{
		out:   mpb.New(mpb.WithOutput(w), mpb.WithWidth(40), mpb.WithAutoRefresh()),
		start: start, verbose: verbose, bars: map[string]*bar{},
	}
}

func (v *barView) Show(e progress.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.Kind == progress.Progress {
		v.progress(e)
		return
	}
	if e.Kind == progress.Done || e.Kind == progress.Failed || e.Kind == progress.Skipped {
		v.drop(e.Step)
	}
	if line, ok := Line(e, v.verbose); ok {
		fmt.Fprintf(v.out, "%s  %s\n", stamp(time.Since(v.start)), line)
	}
}

func (v *barView) progress(e progress.Event) {
	key := e.Step + "/" + e.Phase
	b := v.bars[key]
	if b == nil {
		b = &bar{last: e}
		b.Bar = v.out.AddBar(0,
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(fmt.Sprintf("        %-8s %-16s ", e.Step, e.Phase))),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.amount() })),
		)
		v.bars[key] = b
	}
	b.mu.Lock()
	b.last = e
	b.mu.Unlock()
	total := e.Total
	if e.Unit == progress.Percent {
		total = 100
	}
	// The bar must not complete by itself: phases may report more than their first total.
	b.SetTotal(max(total, 1), false)
	b.SetCurrent(e.Done)
	if total > 0 && e.Done >= total {
		b.Abort(true)
		delete(v.bars, key)
	}
}

func (b *bar) amount() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return " " + Amount(b.last)
}

// drop takes away the bars of a step that has ended.
func (v *barView) drop(step string) {
	for key, b := range v.bars {
		if b.last.Step == step {
			b.Abort(true)
			delete(v.bars, key)
		}
	}
}

func (v *barView) Close() {
	v.mu.Lock()
	for key, b := range v.bars {
		b.Abort(true)
		delete(v.bars, key)
	}
	v.mu.Unlock()
	v.out.Wait()
}
