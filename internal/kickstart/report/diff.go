package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sergi/go-diff/diffmatchpatch"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// Diff writes changes as patches are written: "-" before what is gone, "+" before what is new.
func Diff(out io.Writer, changes []kickstart.Change) error {
	var b strings.Builder
	for _, c := range changes {
		switch {
		case c.Before != "" && c.After != "" && strings.Contains(c.Before+c.After, "\n"):
			b.WriteString(diffLines(c.Before, c.After))
		default:
			mark(&b, "-", c.Before)
			mark(&b, "+", c.After)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func mark(b *strings.Builder, sign, text string) {
	for line := range strings.Lines(text) {
		b.WriteString(sign + " " + printable(strings.TrimRight(line, "\r\n")) + "\n")
	}
}

// diffLines shows two texts as one, with a few lines around what differs.
func diffLines(before, after string) string {
	const around = 3
	d := diffmatchpatch.New()
	d.DiffTimeout = 5 * time.Second // then it settles for a longer answer
	x, y, lines := d.DiffLinesToRunes(before, after)
	var b strings.Builder
	diffs := d.DiffCharsToLines(d.DiffMainRunes(x, y, false), lines)
	for i, part := range diffs {
		switch part.Type {
		case diffmatchpatch.DiffDelete:
			mark(&b, "-", part.Text)
		case diffmatchpatch.DiffInsert:
			mark(&b, "+", part.Text)
		default:
			same := strings.SplitAfter(strings.TrimSuffix(part.Text, "\n"), "\n")
			head, tail := around, around
			if i == 0 {
				head = 1 // the section's header
			}
			if i == len(diffs)-1 {
				tail = 1 // its end
			}
			if len(same) <= head+tail+1 {
				mark(&b, " ", part.Text)
				continue
			}
			mark(&b, " ", strings.Join(same[:head], ""))
			fmt.Fprintf(&b, "  … %d lines\n", len(same)-head-tail)
			mark(&b, " ", strings.Join(same[len(same)-tail:], ""))
		}
	}
	return b.String()
}
