package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/verify"
)

func newShow() *cobra.Command {
	var work string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [RUN]",
		Short: "Show a run: its builds, steps, files and boots",
		Long: `Show prints all that the history knows of a run; without RUN, of the newest. RUN is an id of quarry history, a run's or a build's, and may be
cut short.`,
		Example: "  quarry show\n  quarry show 1e0d --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withHistory(cmd, work, func(h *history.History) error {
				r, err := chosenRun(cmd, h, args)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), r)
				}
				return showRun(cmd.OutOrStdout(), r, time.Now())
			})
		},
	}
	historyFlags(cmd, &work, &asJSON)
	return cmd
}

// chosenRun finds the run that is meant.
func chosenRun(cmd *cobra.Command, h *history.History, args []string) (history.Run, error) {
	ctx := cmd.Context()
	if len(args) == 0 {
		runs, err := h.Runs(ctx, 1)
		if err != nil {
			return history.Run{}, err
		}
		if len(runs) == 0 {
			return history.Run{}, errors.New("nothing was built here yet: quarry build does, and --work says where")
		}
		args = []string{runs[0].ID}
	}
	r, err := h.Run(ctx, args[0])
	var unknown *history.IDError
	if !errors.As(err, &unknown) || len(unknown.Many) > 0 {
		return r, err
	}
	b, berr := h.Build(ctx, args[0])
	if errors.As(berr, &unknown) && len(unknown.Many) == 0 {
		return r, err
	}
	if berr != nil {
		return r, berr
	}
	return h.Run(ctx, b.Run)
}

func showRun(w io.Writer, r history.Run, now time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s: %s, began %s, took %s\n", r.ID, r.State, moment(r.Started), r.Took(now).Round(time.Second))
	fmt.Fprintf(&b, "  %s\n  quarry %s, process %d\n", strings.Join(r.Command, " "), r.Version, r.PID)
	if r.Error != "" && len(r.Builds) != 1 { // else it is the build's
		fmt.Fprintf(&b, "  %s\n", r.Error)
	}
	for _, build := range r.Builds {
		showBuild(&b, build, now)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func showBuild(w io.Writer, b history.Build, now time.Time) {
	fmt.Fprintf(w, "\nbuild %s: %s %s, took %s\n", b.ID, b.Name(), b.State, b.Took(now).Round(time.Second))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "  %s\t%s\n", name, strings.ReplaceAll(value, "\n", "\n  \t"))
		}
	}
	row("error", b.Error)
	if b.Kickstart.Path != "" {
		row("kickstart", strings.TrimSpace(b.Kickstart.Path+" of "+b.Kickstart.Source+" "+b.Kickstart.Commit))
	}
	row("plan", b.Plan.Short())
	row("lock", b.Lock.Short())
	row("accelerator", b.Accel)
	row("logs", b.Logs)
	for _, a := range b.Artifacts {
		row(a.Format, fmt.Sprintf("%s (%s, %s)", a.Path, size(a.Size), a.Digest))
		for _, p := range a.Published {
			latest := ""
			if p.Latest {
				latest = " (latest)"
			}
			row("", "published as "+p.Path+latest)
		}
	}
	for _, s := range b.Steps {
		value := fmt.Sprintf("%.1f s", s.Seconds)
		switch s.State {
		case history.Skipped:
			value = "unchanged"
		case history.Failed:
			value = fmt.Sprintf("failed after %.1f s", s.Seconds)
		}
		row("step "+s.Name, value)
	}
	_ = t.Flush() // what it writes to is in memory
	for _, r := range b.Reports {
		var report verify.Report
		if err := json.Unmarshal(r.JSON, &report); err != nil {
			fmt.Fprintf(w, "  a boot report that this quarry can't read: %v\n", err)
			continue
		}
		boots(w, report)
	}
}
