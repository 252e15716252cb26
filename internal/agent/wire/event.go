package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// EventKind says what an Event means.
type EventKind string

// The kinds of event, in the order in which a good run sends them. Done or Failed is the last one and mandatory: a machine that
// stops without it has failed.
const (
	EventHello    EventKind = "hello"    // the agent runs; Message is the kernel's release
	EventPhase    EventKind = "phase"    // a phase begins
	EventEnd      EventKind = "end"      // the phase has ended; Seconds says how long it took
	EventProgress EventKind = "progress" // Done of Total Unit
	EventLog      EventKind = "log"      // a line of a script's or program's output
	EventWarning  EventKind = "warning"
	EventAlive    EventKind = "alive" // nothing new, still here; sent every few seconds of silence while something runs
	EventDone     EventKind = "done"
	EventFailed   EventKind = "failed"
)

// Event is one line from the machine.
type Event struct {
	Kind    EventKind `json:"kind"`
	Phase   string    `json:"phase,omitempty"`
	Message string    `json:"message,omitempty"`
	Done    int64     `json:"done,omitempty"`
	Total   int64     `json:"total,omitempty"`
	Unit    string    `json:"unit,omitempty"`
	Seconds float64   `json:"seconds,omitempty"`
	Result  *Result   `json:"result,omitempty"` // with EventDone
	Failure *Failure  `json:"failure,omitempty"`
}

// Result is what a finished job has to tell.
type Result struct {
	// Packages is the manifest: every RPM as "NAME EPOCH VERSION RELEASE ARCH SIZE" ("0" for no epoch; installed bytes).
	Packages []string `json:"packages,omitempty"`
	BIOS     bool     `json:"bios,omitempty"` // boot loaders that were installed
	UEFI     bool     `json:"uefi,omitempty"`
	PReP     bool     `json:"prep,omitempty"`
	ZIPL     bool     `json:"zipl,omitempty"`
	Written  int64    `json:"written,omitempty"` // bytes streamed to Output
	// Layout is what the next machine has to know of the disk, after stage Base. The host keeps it and reads nothing in it.
	Layout   json.RawMessage `json:"layout,omitempty"`
	Answers  []Answer        `json:"answers,omitempty"`  // of an Inspection's commands, in their order
	Unpacked int64           `json:"unpacked,omitempty"` // bytes of the files in what was streamed; a file with several names counts once
	BootSet  *BootResult     `json:"bootSet,omitempty"`
}

// Failure says what went wrong in the machine.
type Failure struct {
	Phase   string   `json:"phase"`
	Message string   `json:"message"`
	File    string   `json:"file,omitempty"` // of the kickstart, where a command or script of it failed
	Line    int      `json:"line,omitempty"`
	Exit    int      `json:"exit,omitempty"`
	Tail    []string `json:"tail,omitempty"` // the last lines of what the failing program printed
}

// Limits of what the host accepts from a machine. The manifest of a large system is the largest event.
const (
	MaxLine    = 4 << 20 // bytes of one event
	MaxMessage = 8 << 10 // bytes of a message; more is cut
)

// Decoder reads events from a machine. Lines are bounded, control characters are taken out of all texts, so that a
// script's output can't write to the terminal of whoever watches.
type Decoder struct{ in *bufio.Reader }

// NewDecoder reads from r.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{in: bufio.NewReaderSize(r, 64<<10)} }

// Next returns the next event; io.EOF is the end. A line that is no event is an error, and so is one that is too long: what
// follows can't be trusted then.
func (d *Decoder) Next() (Event, error) {
	var line []byte
	for {
		part, err := d.in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > MaxLine {
			return Event{}, fmt.Errorf("the machine sent a line of more than %d bytes", MaxLine)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) && len(line) > 0 {
			return Event{}, fmt.Errorf("the machine stopped within a message: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return Event{}, err
		}
		break
	}
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return Event{}, fmt.Errorf("the machine sent what is no event: %w", err)
	}
	e.Phase, e.Message, e.Unit = Clean(e.Phase), Clean(e.Message), Clean(e.Unit)
	if f := e.Failure; f != nil {
		f.Phase, f.Message, f.File = Clean(f.Phase), Clean(f.Message), Clean(f.File)
		for i := range f.Tail {
			f.Tail[i] = Clean(f.Tail[i])
		}
	}
	if r := e.Result; r != nil {
		for i := range r.Packages {
			r.Packages[i] = Clean(r.Packages[i])
		}
	}
	return e, nil
}

// Clean makes foreign text safe to print, on one line, and bounds it.
func Clean(s string) string {
	if len(s) > MaxMessage {
		s = s[:MaxMessage] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
}
