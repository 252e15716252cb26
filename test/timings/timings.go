// Package timings runs `quarry build --json`, reads what it says the build took, and makes a table of several builds: a row a step, phase or boot
// and a column a build. It measures nothing itself. Only the programs and tests below test/ use it.
package timings

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Result is what is read of quarry's own.
type Result struct {
	Steps   []Timed  `json:"steps"`
	Phases  []Timed  `json:"phases"`
	Reports []Report `json:"reports"`
	Images  []File   `json:"images"`
	Logs    string   `json:"logs"` // folder
	Error   string   `json:"error"`
}

// Timed is a step, or a phase of one.
type Timed struct {
	Step    string  `json:"step"`
	Name    string  `json:"name"` // of a phase
	Seconds float64 `json:"seconds"`
	Dir     string  `json:"dir"`     // of a step's result
	Skipped bool    `json:"skipped"` // the result was there already
}

// File is a finished image.
type File struct {
	Path string `json:"path"`
	Size int64  `json:"size"` // bytes
}

// Report is what booting an image showed.
type Report struct {
	Passed bool   `json:"passed"`
	Boots  []Boot `json:"boots"`
}

// Boot is one boot.
type Boot struct {
	Firmware    string       `json:"firmware"`
	Medium      string       `json:"medium"`
	Entry       string       `json:"entry"`
	Passed      bool         `json:"passed"`
	Error       string       `json:"error"`
	NotSeen     string       `json:"notSeen"`
	Seconds     float64      `json:"seconds"`
	Login       float64      `json:"login"`
	Agent       float64      `json:"agent"`
	Users       []string     `json:"users"`
	Checks      []Check      `json:"checks"`
	Screenshots []Screenshot `json:"screenshots"`
}

// Screenshot is a picture of a boot.
type Screenshot struct {
	File string `json:"file"` // PNG
}

// Check is one look at a running system.
type Check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail"`
}

// Name of a boot, for people: "bios", "uefi usb".
func (b Boot) Name() string {
	return strings.TrimSpace(strings.Join(strings.Fields(b.Firmware+" "+b.Medium+" "+b.Entry), " "))
}

// rows are the lines of the table in their order: steps, their phases below them, and the boots.
func (r Result) rows() (names []string, seconds map[string]float64) {
	seconds = map[string]float64{}
	add := func(name string, s float64) {
		if _, have := seconds[name]; !have {
			names = append(names, name)
		}
		seconds[name] += s
	}
	for _, s := range r.Steps {
		add(s.Step, s.Seconds)
		for _, p := range r.Phases {
			if p.Step == s.Step {
				add("  "+s.Step+" "+p.Name, p.Seconds)
			}
		}
	}
	for _, report := range r.Reports {
		for _, b := range report.Boots {
			add("  boot, "+b.Name(), b.Seconds)
			if b.Login > 0 {
				add("    login, "+b.Name(), b.Login)
			}
		}
	}
	return names, seconds
}

// Table has a row a step or phase and a column a build, with the ratio to the first build where that is asked for.
func Table(builds []string, results map[string]Result, ratios bool) string {
	var order []string
	all := map[string]map[string]float64{}
	for _, name := range builds {
		names, seconds := results[name].rows()
		all[name] = seconds
		for i, n := range names {
			order = insert(order, n, names[:i])
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "phase\t%s\n", strings.Join(builds, "\t"))
	for _, n := range order {
		fmt.Fprint(w, n)
		for _, name := range builds {
			s, ok := all[name][n]
			base := all[builds[0]][n]
			switch {
			case !ok:
				fmt.Fprint(w, "\t–")
			case !ratios || name == builds[0] || base < 0.5: // a ratio of next to nothing says nothing
				fmt.Fprintf(w, "\t%.1f", s)
			default:
				fmt.Fprintf(w, "\t%.1f  ×%.2f", s, s/base)
			}
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // the writer is in memory
	return b.String()
}

// insert puts name behind the last of before that is in order, unless it is there.
func insert(order []string, name string, before []string) []string {
	at := 0
	for i, o := range order {
		if o == name {
			return order
		}
		for _, b := range before {
			if o == b {
				at = i + 1
			}
		}
	}
	return append(order[:at], append([]string{name}, order[at:]...)...)
}
