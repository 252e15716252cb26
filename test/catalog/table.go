package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/docker/go-units"

	"github.com/quarry-project/quarry/internal/durable"
)

// heading names the columns.
func heading() []string {
	return []string{"image", "arch", "format", "size", "seconds", "verify saw", "accepted by"}
}

// cells are a row's columns.
func (r row) cells() []string {
	size, seconds := "", ""
	if r.Size > 0 {
		size = units.BytesSize(float64(r.Size))
	}
	if r.Seconds > 0 {
		seconds = fmt.Sprintf("%.0f", r.Seconds)
	}
	return []string{r.Image, r.Arch, r.Format, size, seconds, r.Saw, r.Accepted}
}

// table is for a terminal.
func table(rows []row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(heading(), "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r.cells(), "\t"))
	}
	_ = w.Flush() // the writer is in memory
	return b.String()
}

// markdown is the same for a document.
func markdown(rows []row) string {
	line := func(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
	text := line(heading()) + strings.Repeat("|---", len(heading())) + "|\n"
	for _, r := range rows {
		cells := r.cells()
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		text += line(cells)
	}
	return text
}

// The marks between which a document has the table.
const (
	begin = "<!-- the table of make catalog -->\n"
	end   = "<!-- its end -->\n"
)

// writeInto replaces what is between the marks in a document.
func writeInto(path, text string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(data), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s has no place for the table: it wants the lines %q and %q", path, begin, end)
	}
	return durable.WriteFile(path, []byte(before+begin+text+end+after))
}
