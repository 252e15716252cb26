// Package report shows kickstart problems, tables and differences to people. It decides nothing.
package report

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// Checked is what checking one kickstart showed.
type Checked struct {
	Path     string              `json:"path"`
	Version  kickstart.Version   `json:"version,omitempty"`
	OK       bool                `json:"ok"`
	Problems []kickstart.Problem `json:"problems"` // errors, then warnings
}

// Check sorts what kickstart.Parse returned. Root is put before the names of files, so that they can be opened from the
// working directory. An error that isn't about the kickstart's text is returned.
func Check(path, root string, file *kickstart.File, err error) (Checked, error) {
	checked := Checked{Path: path, OK: err == nil, Problems: []kickstart.Problem{}}
	var problems kickstart.Problems
	if err != nil && !errors.As(err, &problems) {
		return Checked{}, err
	}
	checked.Version = file.Version
	for _, list := range [][]kickstart.Problem{problems, file.Warnings} {
		for _, p := range list {
			if p.Pos.File == "-" {
				p.Pos.File = "<stdin>"
			} else if !strings.Contains(p.Pos.File, "://") {
				p.Pos.File = filepath.Join(root, filepath.FromSlash(p.Pos.File))
			}
			checked.Problems = append(checked.Problems, p)
		}
	}
	return checked, nil
}

// Summary counts problems, each once however many kickstarts include the file that it is in.
type Summary struct{ Files, Errors, Warnings int }

// String is such as "12 kickstarts: 1 error, 3 warnings".
func (s Summary) String() string {
	return fmt.Sprintf("%s: %s, %s", count(s.Files, "kickstart"), count(s.Errors, "error"), count(s.Warnings, "warning"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Count is what Text would count.
func Count(all []Checked) Summary {
	s, _ := Text(io.Discard, all) // discarding can't fail
	return s
}

// Text writes every problem as compilers do: where and what, the line, a caret, a hint.
func Text(out io.Writer, all []Checked) (Summary, error) {
	s := Summary{Files: len(all)}
	seen := map[kickstart.Problem]bool{}
	for _, checked := range all {
		for _, p := range checked.Problems {
			if seen[p] {
				continue
			}
			seen[p] = true
			if p.Severity == kickstart.Error {
				s.Errors++
			} else {
				s.Warnings++
			}
			if err := writeProblem(out, p); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

func writeProblem(out io.Writer, p kickstart.Problem) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %s\n", p.Pos, p.Severity, printable(p.Message))
	if line, caret := excerpt(p.Source, p.Pos.Column); line != "" {
		fmt.Fprintf(&b, "%5d | %s\n      | %s^\n", p.Pos.Line, line, caret)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "      = %s\n", printable(p.Hint))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// excerpt cuts a stretch around the column out of a line that may be long, and makes the blanks that lead to the column.
func excerpt(line string, column int) (shown, blanks string) {
	const before, after = 80, 120
	at := min(max(column-1, 0), len(line))
	start, end := max(0, at-before), min(len(line), at+after)
	if end == len(line) && len(line) < after {
		start = 0
	}
	head, tail := printable(line[start:at]), printable(line[at:end])
	for _, r := range head {
		if r == '\t' {
			blanks += "\t"
		} else {
			blanks += " "
		}
	}
	return strings.TrimRight(head+tail, " \t"), blanks
}

// printable shows characters that would upset a terminal as a replacement character.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}
