package matrix

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quarry-project/quarry/internal/durable"
)

// Report is what became of a set of builds.
type Report struct {
	Name    string    `json:"name,omitempty"` // of the run, from its file
	Started time.Time `json:"started"`        // UTC
	Seconds float64   `json:"seconds"`
	Builds  []Result  `json:"builds"`
}

// NewReport is the report of builds that began at start and have all ended.
func NewReport(name string, start time.Time, builds []Result) Report {
	return Report{Name: name, Started: start.UTC().Truncate(time.Second), Seconds: time.Since(start).Seconds(), Builds: builds}
}

// Count is how many builds ended in one of the states.
func (r Report) Count(states ...State) (n int) {
	for _, b := range r.Builds {
		for _, s := range states {
			if b.State == s {
				n++
			}
		}
	}
	return n
}

// Save writes the report as JSON to a file, whole or not at all.
func (r Report) Save(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := durable.WriteFile(path, append(data, '\n')); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Text is the table that ends a run.
func (r Report) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "image\tarch\tresult\tseconds\tpublished, or the error\n")
	for _, one := range r.Builds {
		state := string(one.State)
		if one.State.Bad() {
			state = strings.ToUpper(state)
		}
		lines := one.lines()
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t%s\n", one.Title(), one.Arch, state, one.Seconds, lines[0])
		for _, more := range lines[1:] {
			fmt.Fprintf(w, "\t\t\t\t%s\n", more)
		}
	}
	_ = w.Flush() // to a strings.Builder, which can't fail
	var text strings.Builder
	for line := range strings.Lines(b.String()) {
		text.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	fmt.Fprintf(&text, "%s in %.1f s\n", r.counts(), r.Seconds)
	return text.String()
}

// lines are what the last column says of a build; there is at least one.
func (r Result) lines() []string {
	var lines []string
	if r.Error != "" {
		lines = append(lines, firstLine(r.Error))
	}
	lines = append(lines, r.Published...)
	if len(lines) == 0 && r.State == Unchanged {
		lines = append(lines, strings.Join(r.Reasons, "; "))
	}
	if len(lines) == 0 {
		for _, i := range r.Images {
			lines = append(lines, i.Path)
		}
	}
	if r.Logs != "" && r.State != Unchanged {
		lines = append(lines, "logs: "+r.Logs)
	}
	return append(lines, "")[:max(1, len(lines))]
}

// counts is "6 built, 1 failed".
func (r Report) counts() string {
	var parts []string
	for _, s := range []State{Built, Unchanged, Failed, Refused, Interrupted} {
		if n := r.Count(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		return "nothing to build"
	}
	return strings.Join(parts, ", ")
}

// maxLine keeps a table readable, in bytes.
const maxLine = 200

func firstLine(text string) string {
	line, _, _ := strings.Cut(plain(strings.TrimSpace(text)), "\n")
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + "…"
	}
	return line
}
