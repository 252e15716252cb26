package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/kickstart/report"
)

func newKSExplain() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [COMMAND]",
		Short: "Say what a kickstart command or section accepts, and in which versions",
		Example: `  quarry ks explain
  quarry ks explain part
  quarry ks explain %packages
  quarry ks explain --json part | jq '.[].options[].names'`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeKickstartNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && asJSON:
				return printJSON(cmd.OutOrStdout(), report.Catalog())
			case len(args) == 0:
				return report.Names(cmd.OutOrStdout())
			}
			found := report.Find(args[0])
			if len(found) == 0 {
				return fmt.Errorf("there is no kickstart command or section %q: quarry ks explain lists them all", args[0])
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), found)
			}
			_, err := report.Explain(cmd.OutOrStdout(), args[0])
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array with an object per command and section")
	return cmd
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
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "versions",
		Short: "List the kickstart versions and what they no longer have",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report.Releases())
			}
			return report.Versions(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array with an object per version")
	return cmd
}
