package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/quarry-project/quarry/internal/progress"
)

// barView draws bars and prints all else above them: of a single build a bar for each phase that is under way, of several builds one for
// each build.
type barView struct {
	mu      sync.Mutex
	out     *mpb.Progress
	start   time.Time
	lines   liner
	bars    map[string]*bar // by build, or by step and phase
	verbose bool
}

type bar struct {
	*mpb.Bar
	mu   sync.Mutex
	last progress.Event
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
	switch {
	case e.Build != "":
		v.build(e)
	case e.Kind == progress.Progress:
		v.phase(e)
	case ends(e):
		v.drop(e.Step)
	}
	if e.Kind == progress.Progress {
		return
	}
	if line, ok := v.lines.line(e, v.verbose); ok {
		fmt.Fprintf(v.out, "%s  %s\n", stamp(time.Since(v.start)), line)
	}
}

func ends(e progress.Event) bool {
	return e.Kind == progress.Done || e.Kind == progress.Failed || e.Kind == progress.Skipped
}

// build moves the bar of one of several builds. It shows the phase that was heard of last, and goes when the build ends.
func (v *barView) build(e progress.Event) {
	b := v.bars[e.Build]
	if ends(e) && e.Step == "" {
		if b != nil {
			v.remove(e.Build)
		}
		return
	}
	if e.Kind == progress.Log || e.Kind == progress.Warning {
		return
	}
	if b == nil {
		b = v.add(e.Build, e, decor.Any(func(decor.Statistics) string { return "        " + e.Build + " " }))
	}
	b.move(e)
}

// phase moves the bar of a phase of the only build.
func (v *barView) phase(e progress.Event) {
	key := e.Step + "/" + e.Phase
	b := v.bars[key]
	if b == nil {
		b = v.add(key, e, decor.Name(fmt.Sprintf("        %-8s %-16s ", e.Step, e.Phase)))
	}
	if done, total := b.move(e); total > 0 && done >= total {
		v.remove(key)
	}
}

func (v *barView) add(key string, e progress.Event, name decor.Decorator) *bar {
	b := &bar{last: e}
	b.Bar = v.out.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(name),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.text() })))
	v.bars[key] = b
	return b
}

func (v *barView) remove(key string) {
	v.bars[key].Abort(true)
	delete(v.bars, key)
}

// move shows how far e's phase has come, and returns it.
func (b *bar) move(e progress.Event) (done, total int64) {
	b.mu.Lock()
	b.last = e
	b.mu.Unlock()
	done, total = e.Done, e.Total
	if e.Unit == progress.Percent {
		total = 100
	}
	// The bar must not complete by itself: phases may report more than their first total.
	b.SetTotal(max(total, 1), false)
	b.SetCurrent(done)
	return done, total
}

// text is what stands behind the bar.
func (b *bar) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.last
	if e.Kind != progress.Progress {
		return " " + e.Step
	}
	if e.Build != "" {
		return " " + strings.Join(strings.Fields(e.Step+" "+e.Phase+" "+Amount(e)), " ")
	}
	return " " + Amount(e)
}

// drop takes away the bars of a step that has ended.
func (v *barView) drop(step string) {
	for key, b := range v.bars {
		if b.last.Step == step {
			v.remove(key)
		}
	}
}

func (v *barView) Close() {
	v.mu.Lock()
	for key := range v.bars {
		v.remove(key)
	}
	v.mu.Unlock()
	v.out.Wait()
}
