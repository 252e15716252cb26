package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/kickstart/report"
)

func newKSExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [COMMAND]",
		Short: "Say what a kickstart command or section accepts, and in which versions",
		Example: `  quarry ks explain
  quarry ks explain part
  quarry ks explain %packages`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeKickstartNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return report.Names(cmd.OutOrStdout())
			}
			known, err := report.Explain(cmd.OutOrStdout(), args[0])
			if err == nil && !known {
				err = fmt.Errorf("there is no kickstart command or section %q: quarry ks explain lists them all", args[0])
			}
			return err
		},
	}
}

func completeKickstartNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, spec := range kickstart.Commands() {
		names = append(names, spec.Names...)
	}
	for _, section := range kickstart.Sections() {
		names = append(names, section.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func newKSVersions() *cobra.Command {
	return &cobra.Command{
		Use:   "versions",
		Short: "List the kickstart versions and what they no longer have",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return report.Versions(cmd.OutOrStdout()) },
	}
}
