package main

import (
	"errors"
	"fmt"
	"strings"

	units "github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/publish"
)

func newPrune() *cobra.Command {
	var o publish.PruneOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "prune DIR --keep N",
		Short: "Remove old images of a published tree",
		Long: `Prune keeps the N newest images of each image, architecture and format of the published tree DIR and removes the older ones with their
checksums and reports. What a link of the tree means is never removed, nor are installers without a date, nor files that Quarry did
not publish.`,
		Example: "  quarry prune /srv/images --keep 7 --dry-run\n  quarry prune /srv/images --keep 7",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Keep < 1 {
				return usageError{errors.New("how many images are to stay? say --keep N, at least 1")}
			}
			o.Report = lines(cmd.ErrOrStderr(), false)
			done, err := publish.Tree(args[0]).Prune(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), done)
			}
			var b strings.Builder
			verb := "removed"
			if done.DryRun {
				verb = "would remove"
			}
			for _, r := range done.Removed {
				fmt.Fprintf(&b, "%s %s (%s)\n", verb, r.File, units.BytesSize(float64(r.Size)))
			}
			for _, name := range done.Linked {
				fmt.Fprintf(&b, "kept %s: a link means it\n", name)
			}
			fmt.Fprintf(&b, "%s: %s %d images, %s; %d stay\n", done.Dir, verb, len(done.Removed), units.BytesSize(float64(done.Bytes)), done.Kept)
			_, err = fmt.Fprint(cmd.OutOrStdout(), b.String())
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Keep, "keep", 0, "keep the `N` newest images of each image, architecture and format")
	f.BoolVar(&o.DryRun, "dry-run", false, "say what would be removed, and change nothing")
	f.BoolVar(&asJSON, "json", false, "write JSON for machines")
	return cmd
}
