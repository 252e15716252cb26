package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/verify"
	"github.com/quarry-project/quarry/internal/vm"
)

// summary ends a good build: what was published, what booting showed, how long each step took.
func summary(w io.Writer, o builders.Outcome, steps []engine.Record, took time.Duration) error {
	var b strings.Builder
	for _, d := range o.Published {
		destination(&b, d)
	}
	if len(o.Published) == 0 {
		for _, img := range o.Images {
			fmt.Fprintf(&b, "\n%s\n", img.Path)
		}
	}
	for _, r := range o.Reports {
		boots(&b, r)
	}
	if len(steps) > 0 {
		table(&b, o, steps, took)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// destination says what became of publishing into one tree.
func destination(w io.Writer, d builders.Destination) {
	if d.Error != "" {
		fmt.Fprintf(w, "\nNOT published in %s: %s\n", d.Dir, d.Error)
		return
	}
	fmt.Fprintf(w, "\npublished in %s\n", d.Dir)
	for _, p := range d.Items {
		state := "unchanged"
		if p.New {
			state = "new"
		}
		fmt.Fprintf(w, "  %s  (%s)\n", p.File, state)
		for _, l := range p.Links {
			fmt.Fprintf(w, "  %s -> %s\n", l, p.File)
		}
		if p.Withheld != "" {
			fmt.Fprintf(w, "  no link was moved: %s\n", p.Withheld)
		}
	}
}

// boots says what looking at an image showed.
func boots(w io.Writer, r verify.Report) {
	fmt.Fprintf(w, "\nlooked at %s\n", r.Image.File)
	checks(w, r.File)
	for _, boot := range r.Boots {
		verdict := "passed"
		if !boot.Passed {
			verdict = "FAILED"
		}
		how := []string{boot.By}
		if boot.Agent > 0 {
			how = append(how, fmt.Sprintf("up after %.0f s", boot.Agent))
		}
		if boot.Login > 0 {
			how = append(how, fmt.Sprintf("login after %.0f s", boot.Login))
		}
		how = append(how, boot.Accel)
		if boot.Kernel != "" {
			how = append(how, "Linux "+boot.Kernel)
		}
		how = slices.DeleteFunc(how, func(s string) bool { return s == "" })
		fmt.Fprintf(w, "  %-5s %s in %.0f s (%s)\n", boot.Name(), verdict, boot.Seconds, strings.Join(how, ", "))
		checks(w, boot.Checks)
		if boot.Again != "" {
			fmt.Fprintf(w, "    -- started again  %s\n", boot.Again)
		}
		for _, shot := range boot.Screenshots {
			fmt.Fprintf(w, "    -- screen         %s\n", shot.File)
		}
		if boot.NotSeen != "" {
			fmt.Fprintf(w, "    -- not seen       %s\n", boot.NotSeen)
		}
		if boot.Error != "" {
			fmt.Fprintf(w, "    %s\n", boot.Error)
		}
	}
}

func checks(w io.Writer, all []verify.Check) {
	for _, c := range all {
		mark := "ok"
		if !c.Passed {
			mark = "NO"
		}
		fmt.Fprintf(w, "    %-2s %-14s %s\n", mark, c.Name, c.Detail)
	}
}

// table lists the steps and the machine's phases with their times.
func table(w io.Writer, o builders.Outcome, steps []engine.Record, took time.Duration) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nstep\tseconds\n")
	for _, s := range steps {
		if s.Skipped {
			fmt.Fprintf(t, "%s\tunchanged\n", s.Step)
			continue
		}
		fmt.Fprintf(t, "%s\t%.1f\n", s.Step, s.Seconds)
		for _, p := range o.Phases {
			if p.Step == s.Step {
				fmt.Fprintf(t, "  %s\t%.1f\n", p.Name, p.Seconds)
			}
		}
	}
	fmt.Fprintf(t, "all\t%.1f\n", took.Seconds())
	_ = t.Flush() // the writer is in memory
}

// explain ends a bad build: what failed, what is known of the machine, where the logs are.
func explain(w io.Writer, err error, logs string) {
	fmt.Fprintf(w, "\nquarry: %v\n", err)
	var guest *vm.GuestError
	if e, ok := vm.EvidenceOf(err); ok {
		what, tail := "the console's last lines:", e.Console
		if errors.As(err, &guest) && len(guest.Failure.Tail) > 0 {
			what, tail = "its last lines:", guest.Failure.Tail
		}
		fmt.Fprintln(w, what)
		for _, line := range tail {
			fmt.Fprintf(w, "  | %s\n", line)
		}
		if guest != nil && e.Cause != "" { // the other errors say it themselves
			fmt.Fprintf(w, "likely cause: %s\n", e.Cause)
		}
	}
	var bad *builders.VerifyError
	if errors.As(err, &bad) {
		boots(w, bad.Report)
	}
	fmt.Fprintf(w, "logs: %s\n", logs)
}
