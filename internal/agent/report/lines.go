package report

import (
	"bytes"
	"strings"
	"sync"
)

// maxPending bounds a line that never ends.
const maxPending = 4096

// Lines is an io.Writer that gives whole lines to a function. A carriage return ends a line too: progress bars use it. Close
// passes on what is left without an end. It is safe for a program's two outputs at once.
type Lines struct {
	to      func(string)
	mu      sync.Mutex
	pending []byte
}

// NewLines returns a Lines that calls to.
func NewLines(to func(string)) *Lines { return &Lines{to: to} }

// Write never fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			l.pending = append(l.pending, p...)
			for len(l.pending) > maxPending {
				l.line(l.pending[:maxPending])
				l.pending = append(l.pending[:0], l.pending[maxPending:]...)
			}
			break
		}
		l.line(append(l.pending, p[:i]...))
		l.pending = l.pending[:0]
		p = p[i+1:]
	}
	return n, nil
}

// Close passes on an unended line.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(l.pending)
	l.pending = nil
	return nil
}

func (l *Lines) line(b []byte) {
	if s := strings.TrimRight(string(b), " \t"); s != "" {
		l.to(s)
	}
}
