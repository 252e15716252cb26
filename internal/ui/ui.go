// Package ui shows events to whoever watches: bars on a terminal, plain lines elsewhere, JSON lines for machines. It decides nothing
// and remembers nothing of a build beyond what it has to draw.
package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/quarry-project/quarry/internal/progress"
)

// Mode is a way of showing.
type Mode int

// The modes.
const (
	Plain Mode = iota // a line an event, progress at most every few seconds
	Bars              // a terminal: progress is drawn in place
	JSON              // every event as one JSON object a line
)

// every is how often a phase's progress gets a plain line.
const every = 5 * time.Second

// View shows events. Show may be called from several goroutines.
type View interface {
	Show(progress.Event)
	// Close ends the view and leaves the terminal as it was.
	Close()
}

// New makes a view of mode m that writes to w. With verbose, the output of scripts and programs is shown as well.
func New(w io.Writer, m Mode, verbose bool) View {
	start := time.Now()
	switch m {
	case JSON:
		return &jsonView{enc: json.NewEncoder(w)}
	case Bars:
		return newBarView(w, start, verbose)
	default:
		return &plainView{w: w, start: start, verbose: verbose, last: map[string]printed{}}
	}
}

type jsonView struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func (v *jsonView) Show(e progress.Event) {
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	// Whoever read the output is gone when this fails; the build goes on without being watched.
	_ = v.enc.Encode(e)
}

func (v *jsonView) Close() {}

type plainView struct {
	mu      sync.Mutex
	w       io.Writer
	start   time.Time
	verbose bool
	last    map[string]printed // by build, step and phase
	lines   liner
}

// printed says when progress got its last line, and which.
type printed struct {
	at   time.Time
	done int64
}

func (v *plainView) Show(e progress.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.Kind == progress.Progress {
		key := e.Build + "/" + e.Step + "/" + e.Phase
		last := v.last[key]
		if last.done == e.Done || time.Since(last.at) < every && e.Done < e.Total {
			return
		}
		v.last[key] = printed{time.Now(), e.Done}
	}
	if line, ok := v.lines.line(e, v.verbose); ok {
		fmt.Fprintf(v.w, "%s  %s\n", stamp(time.Since(v.start)), line)
	}
}

func (v *plainView) Close() {}

// liner puts the build's name in front of the lines of several builds, in a column that grows with the names.
type liner struct{ width int }

func (l *liner) line(e progress.Event, verbose bool) (string, bool) {
	line, ok := Line(e, verbose)
	if ok && e.Build != "" {
		l.width = max(l.width, len(e.Build))
		line = fmt.Sprintf("%-*s  %s", l.width, e.Build, line)
	}
	return line, ok
}

// stamp is the time since the start as "  1:05".
func stamp(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%3d:%02d", s/60, s%60)
}

// Line is the text of an event, and whether it is worth a line at all.
func Line(e progress.Event, verbose bool) (string, bool) {
	text := e.Message
	switch e.Kind {
	case progress.Started:
		text = "…"
		if e.Message != "" {
			text = e.Message + " …"
		}
	case progress.Progress:
		text = strings.TrimSpace(e.Phase + " " + Amount(e))
	case progress.Log:
		if e.Phase != "" && e.Seconds == 0 && !verbose {
			return "", false // a line of a script's output
		}
		if e.Seconds > 0 {
			text = fmt.Sprintf("%s done (%.1f s)", e.Phase, e.Seconds)
		}
	case progress.Warning:
		text = "warning: " + e.Message
	case progress.Done:
		text = strings.TrimSpace(fmt.Sprintf("done in %.1f s %s", e.Seconds, e.Message))
	case progress.Skipped:
		text = "skipped: " + e.Message
	case progress.Failed:
		text = "FAILED: " + e.Message
	}
	if e.Step == "" {
		return text, text != ""
	}
	return fmt.Sprintf("%-8s %s", e.Step, text), true
}

// Amount is how far an event's phase has come: "120/258 packages", "41 %", "12.0/140.2 MB".
func Amount(e progress.Event) string {
	switch {
	case e.Unit == progress.Percent:
		return fmt.Sprintf("%d %%", e.Done)
	case e.Unit == progress.Bytes && e.Total > 0:
		return fmt.Sprintf("%.1f/%.1f MB (%d %%)", float64(e.Done)/1e6, float64(e.Total)/1e6, 100*e.Done/e.Total)
	case e.Unit == progress.Bytes:
		return fmt.Sprintf("%.1f MB", float64(e.Done)/1e6)
	case e.Total > 0:
		return strings.TrimSpace(fmt.Sprintf("%d/%d %s", e.Done, e.Total, e.Unit))
	default:
		return strings.TrimSpace(fmt.Sprintf("%d %s", e.Done, e.Unit))
	}
}
