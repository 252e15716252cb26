package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/publish"
)

// rollback are the flags of quarry publish that go back instead.
type rollback struct {
	image string
	archs []string
}

// rolledBack is what became of one tree.
type rolledBack struct {
	publish.RolledBack
	Error string `json:"error,omitempty"`
}

// run rolls back in every tree; one that fails does not keep the others from being tried.
func (r rollback) run(cmd *cobra.Command, trees []string, asJSON bool) error {
	view := newView(cmd.ErrOrStderr(), asJSON, false)
	defer view.Close()
	report := progress.Func(view.Show)
	var all []rolledBack
	var failures []error
	for _, dir := range trees {
		done, err := publish.Tree(dir).Rollback(cmd.Context(), publish.RollbackOptions{Image: r.image, Archs: r.archs, Report: report})
		result := rolledBack{RolledBack: done}
		if err != nil {
			failures = append(failures, err)
			result.Dir, result.Error = dir, err.Error()
		}
		all = append(all, result)
	}
	if asJSON {
		return errors.Join(append(failures, printJSON(cmd.OutOrStdout(), all))...)
	}
	for _, done := range all {
		failures = append(failures, printRollback(cmd.OutOrStdout(), done))
	}
	return errors.Join(failures...)
}

func printRollback(w io.Writer, done rolledBack) error {
	if done.Error != "" {
		_, err := fmt.Fprintf(w, "%s: NOT rolled back\n", done.Dir)
		return err
	}
	var errs []error
	say := func(format string, args ...any) {
		_, err := fmt.Fprintf(w, format, args...)
		errs = append(errs, err)
	}
	say("%s\n", done.Dir)
	for _, l := range done.Links {
		say("  %s -> %s  (was %s)\n", l.Link, l.To, l.From)
		for _, why := range l.Skipped {
			say("    not %s\n", why)
		}
	}
	return errors.Join(errs...)
}
