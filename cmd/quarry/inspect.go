package main

import (
	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/inspect"
)

func newInspect() *cobra.Command {
	var o inspect.Options
	var json, packages bool
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what an image is",
		Long: `Inspect reads an image of any format that Quarry makes, without root and without booting it: partitions, file systems, logical volumes, how it starts,
kernels and packages; for a container archive its configuration and layer. What it can't read it calls unknown.`,
		Example: "  quarry inspect Rocky-9-GenericCloud.latest.x86_64.qcow2\n  quarry inspect --json image.oci.tar",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			view := newView(cmd.ErrOrStderr(), json, false)
			if !json {
				o.Report = view.Show
			}
			report, err := inspect.File(cmd.Context(), args[0], o)
			view.Close()
			if err != nil {
				return err
			}
			if json {
				return printJSON(cmd.OutOrStdout(), report)
			}
			return report.Text(cmd.OutOrStdout(), packages)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&json, "json", false, "print the report as JSON")
	f.BoolVar(&packages, "packages", false, "list the packages")
	f.StringVar(&o.Dir, "tmp", "", "unpack in `DIR` (default: the system's folder for temporary files)")
	return cmd
}
