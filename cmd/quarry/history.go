package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/history"
)

func newHistory() *cobra.Command {
	var f history.Filter
	var work, since string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List what was built",
		Long: `History lists the builds of this work folder, the newest first. A build whose process was killed is "interrupted". Ids may be cut short in
other commands as long as they mean one thing.`,
		Example: "  quarry history --failed --since 7d\n  quarry history --image 'rocky-9-*' --arch aarch64 --limit 5",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if f.Since, err = sinceOr(since, time.Now()); err != nil {
				return usageError{err}
			}
			return withHistory(cmd, work, func(h *history.History) error {
				builds, err := h.Builds(cmd.Context(), f)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), append([]history.Build{}, builds...)) // a list, also when it is empty
				}
				return listBuilds(cmd.OutOrStdout(), builds, time.Now())
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Image, "image", "", "only this `NAME`, of the image or of the whole build; may have * and ?")
	flags.StringVar(&f.Arch, "arch", "", "only this architecture, as RPM calls it")
	flags.StringVar(&since, "since", "", "only builds that began since then: `TIME` is like 12h, 7d or 2026-01-31")
	flags.BoolVar(&f.Failed, "failed", false, "only builds that failed or were interrupted")
	flags.IntVar(&f.Limit, "limit", 20, "at most `N`; 0 lists all")
	historyFlags(cmd, &work, &asJSON)
	return cmd
}

// historyFlags are the flags of every command that reads the history.
func historyFlags(cmd *cobra.Command, work *string, asJSON *bool) {
	cmd.Flags().StringVar(work, "work", "", "the `DIR` that builds keep everything under")
	cmd.Flags().BoolVar(asJSON, "json", false, "write JSON for machines")
}

// withHistory opens the history of a work folder for as long as do runs.
func withHistory(cmd *cobra.Command, work string, do func(*history.History) error) error {
	dirs, err := newFolders(work)
	if err != nil {
		return err
	}
	h, err := openHistory(cmd.Context(), dirs)
	if err != nil {
		return err
	}
	return errors.Join(do(h), h.Close())
}

// sinceOr reads a time: a day, or how long ago. The empty text is the beginning of time.
func sinceOr(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return day, nil
	}
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.Atoi(number); err == nil && days >= 0 {
			return now.AddDate(0, 0, -days), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("--since %q is no time: write it like 12h, 7d or 2026-01-31", text)
}

func listBuilds(w io.Writer, builds []history.Build, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "run\tbuild\timage\tstate\tbegan\ttook")
	for _, b := range builds {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", b.Run, b.ID, b.Name(), b.State, moment(b.Started), b.Took(now).Round(time.Second))
	}
	return t.Flush()
}

// moment is a time for people, where they are.
func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
