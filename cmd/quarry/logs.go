package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/history"
)

// logName is a build's own log in the folder of its logs.
const logName = "quarry.log"

func newLogs() *cobra.Command {
	var work string
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs BUILD",
		Short: "Print a build's log",
		Long: `Logs prints what a build had to say, in full. BUILD is an id of quarry history and may be cut short. The consoles of the machines and what
booting showed are files in the same folder, which quarry show names.`,
		Example: "  quarry logs c1af\n  quarry logs c1af --follow",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withHistory(cmd, work, func(h *history.History) error {
				return printLog(cmd.Context(), cmd.OutOrStdout(), h, args[0], follow)
			})
		},
	}
	cmd.Flags().StringVar(&work, "work", "", "the `DIR` that builds keep everything under")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the build ends")
	return cmd
}

// printLog copies a build's log; with follow, until the build has ended, one way or another.
func printLog(ctx context.Context, w io.Writer, h *history.History, id string, follow bool) error {
	b, err := h.Build(ctx, id)
	if err != nil {
		return err
	}
	if b.Logs == "" {
		return fmt.Errorf("build %s has no log: it ended before it began: %s", b.ID, b.Error)
	}
	f, err := os.Open(filepath.Join(b.Logs, logName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the logs of build %s are no longer there (%s): quarry gc removes old ones", b.ID, b.Logs)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		// Asked before it is read: what is written after the last reading was written after the end.
		if b, err = h.Build(ctx, b.ID); err != nil {
			return err
		}
		if _, err := io.Copy(w, f); err != nil {
			return fmt.Errorf("printing the log: %w", err)
		}
		if !follow || b.State != history.Running {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(300 * time.Millisecond):
		}
	}
}
