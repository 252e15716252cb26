package kickstart

import (
	"fmt"
	"strings"
)

// Position is a place in a kickstart file or in a file that it includes.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line"`   // from 1
	Column int    `json:"column"` // in bytes, from 1
}

// String is "file:line:column", as compilers write it.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Severity says whether a [Problem] makes the file invalid.
type Severity int

// The severities, mildest first.
const (
	Warning Severity = iota
	Error
)

// String is "warning" or "error".
func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// MarshalText writes "warning" or "error".
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "warning" or "error".
func (s *Severity) UnmarshalText(text []byte) error {
	switch string(text) {
	case "warning":
		*s = Warning
	case "error":
		*s = Error
	default:
		return fmt.Errorf("unknown severity %q: use warning or error", text)
	}
	return nil
}

// Problem is one thing that is wrong, or doubtful, in a kickstart.
type Problem struct {
	Pos      Position `json:"position"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`   // what to do about it, or what is allowed
	Source   string   `json:"source,omitempty"` // the line as it stands in the file, without its end
}

// Error is "file:line:column: severity: message (hint)", on one line.
func (p Problem) Error() string {
	text := fmt.Sprintf("%s: %s: %s", p.Pos, p.Severity, p.Message)
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	return text
}

// Problems is the error that [Parse] returns: every error of the file, in the order they were met.
type Problems []Problem

// Error has a line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}
