package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/ui"
)

func newPlan() *cobra.Command {
	var t target
	var c chooseFlags
	making := makingFlags{accel: "auto", packages: "auto"}
	cmd := &cobra.Command{
		Use:   "plan [SELECTOR…]",
		Short: "Print what would be built, and build nothing",
		Long: `Plan reads the pipeline and the kickstart and prints everything that is wanted of the image: repositories, packages with the line that asks
for them, disk, outputs. It solves and downloads nothing but the kickstarts.

With selectors, labels, a run file or --since it tells what quarry run would do with a set: what would be built, what is unchanged and why, what
has changed since the last published image (packages, commits of the kickstart), and how much time and space that takes by earlier runs.
For that it solves the dependencies. --distro, --release, --image, --variant and --arch narrow the set; see quarry run for selectors.`,
		Example: `  quarry plan --release 9 --image GenericCloud
  quarry plan --image GenericCloud --arch aarch64 --json
  quarry plan rocky/9 --label nightly --publish /srv/images`,
		RunE: func(cmd *cobra.Command, selectors []string) error {
			if len(selectors)+len(c.labels) > 0 || c.file != "" || c.since != "" {
				return t.planSet(cmd, c, making, selectors)
			}
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
	c.register(cmd)
	cmd.Flags().StringArrayVar(&making.publish, "publish", nil, "of a set: compare with what is published in the tree `DIR`")
	return cmd
}

// planSet tells what a run would do with a set of images.
func (t *target) planSet(cmd *cobra.Command, choice chooseFlags, flags makingFlags, selectors []string) error {
	c, err := choice.open(cmd, t, flags, selectors, time.Now())
	if err != nil {
		return err
	}
	defer c.close()
	return planSet(cmd, c.session, c.planner, c.set, t.json)
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
