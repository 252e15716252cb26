package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// result is what is read of quarry's own.
type result struct {
	Steps   []timed  `json:"steps"`
	Phases  []timed  `json:"phases"`
	Reports []report `json:"reports"`
	Error   string   `json:"error"`
}

type report struct {
	Boots []boot `json:"boots"`
}

type boot struct {
	Firmware string  `json:"firmware"`
	Seconds  float64 `json:"seconds"`
	Login    float64 `json:"login"`
}

type timed struct {
	Step    string  `json:"step"`
	Name    string  `json:"name"` // of a phase
	Seconds float64 `json:"seconds"`
}

// rows are the lines of the table in their order: steps, the machine's phases below the step "disk", and the boots by firmware.
func (r result) rows() (names []string, seconds map[string]float64) {
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
			add("  boot, "+b.Firmware, b.Seconds)
			add("    login, "+b.Firmware, b.Login)
		}
	}
	return names, seconds
}

// table has a row a step or phase and a column an architecture, with the ratio to the first.
func table(arches []string, results map[string]result) string {
	var order []string
	all := map[string]map[string]float64{}
	for _, a := range arches {
		names, seconds := results[a].rows()
		all[a] = seconds
		for i, n := range names {
			order = insert(order, n, names[:i])
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "phase\t%s\n", strings.Join(arches, "\t"))
	for _, n := range order {
		fmt.Fprint(w, n)
		for _, a := range arches {
			s, ok := all[a][n]
			base := all[arches[0]][n]
			switch {
			case !ok:
				fmt.Fprint(w, "\t–")
			case a == arches[0] || base < 0.5: // a ratio of next to nothing says nothing
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
