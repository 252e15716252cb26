package main

import (
	"errors"
	"fmt"
	"strings"

	units "github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/publish"
)

// errNotSound ends a check that has found something; what, has been printed.
var errNotSound = errors.New("the tree is not as it should be")

func newFsck() *cobra.Command {
	var o publish.FsckOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fsck DIR",
		Short: "Check a published tree: every file, link and checksum",
		Long: `Fsck reads every image of the published tree DIR and compares it with its checksum, looks where every link leads and whether its
checksum agrees, and tells of strays and of what a killed publisher has left. It exits with 1 when something is found that is not repaired.

--repair does what the next publisher of the tree would do, too: it completes or drops a change that was cut off and removes temporary
files. Nothing else is ever changed.`,
		Example: "  quarry fsck /srv/images\n  quarry fsck /srv/images --repair --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			view := newView(cmd.ErrOrStderr(), asJSON, false)
			o.Report = view.Show
			found, err := publish.Tree(args[0]).Fsck(cmd.Context(), o)
			view.Close()
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), found)
			} else {
				_, err = fmt.Fprint(cmd.OutOrStdout(), findings(found))
			}
			if err == nil && !found.Sound() {
				err = &reportedError{errNotSound}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.Repair, "repair", false, "complete or drop a change that was cut off, and remove temporary files")
	f.BoolVar(&asJSON, "json", false, "write JSON for machines")
	return cmd
}

// findings are a line each, without control characters: whoever put a name there may mean no good to a terminal.
func findings(c publish.Checked) string {
	var b strings.Builder
	for _, f := range c.Findings {
		repaired := ""
		if f.Repaired {
			repaired = " (repaired)"
		}
		fmt.Fprintf(&b, "%-10s %s: %s%s\n", f.Problem, wire.Clean(f.Name), wire.Clean(f.Message), repaired)
	}
	verdict := "all is well"
	if len(c.Findings) > 0 {
		verdict = fmt.Sprintf("%d findings", len(c.Findings))
	}
	fmt.Fprintf(&b, "%s: %d images (%s) and %d links checked: %s\n", c.Dir, c.Images, units.BytesSize(float64(c.Bytes)), c.Links, verdict)
	return b.String()
}
