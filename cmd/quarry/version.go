package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "quarry %s (%s %s/%s, agents: %s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, agentList(agentFiles))
		},
	}
}
