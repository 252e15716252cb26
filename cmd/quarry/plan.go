package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/ui"
)

func newPlan() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Print what would be built, and build nothing",
		Long: `Plan reads the pipeline and the kickstart and prints everything that is wanted of the image: repositories, packages with the line that asks
for them, disk, outputs. It solves and downloads nothing but the kickstarts.`,
		Example: `  quarry plan --release 9 --image GenericCloud
  quarry plan --image GenericCloud --arch aarch64 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := newFolders(t.work)
			if err != nil {
				return err
			}
			p, err := t.plan(cmd.Context(), dirs, nil, lines(cmd.ErrOrStderr(), t.verbose))
			if err != nil {
				return err
			}
			if t.json {
				return printJSON(cmd.OutOrStdout(), p)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), p.Text())
			return err
		},
	}
	t.register(cmd)
	return cmd
}

// lines shows warnings, and with verbose everything, of a short command.
func lines(w io.Writer, verbose bool) progress.Func {
	return func(e progress.Event) {
		if !verbose && e.Kind != progress.Warning {
			return
		}
		if line, ok := ui.Line(e, verbose); ok {
			fmt.Fprintln(w, line)
		}
	}
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
