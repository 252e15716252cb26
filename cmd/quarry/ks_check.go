package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/kickstart/disk"
	"github.com/quarry-project/quarry/internal/kickstart/report"
)

func newKSCheck() *cobra.Command {
	var (
		in     ksInput
		asJSON bool
		strict bool
	)
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Say what is wrong in kickstarts",
		Long: `Check reads kickstarts with everything they include and shows every error and warning with its line. It exits with 1 when there is an
error, and with --strict also when there is a warning.`,
		Example: `  quarry ks check Rocky-9-GenericCloud-Base.ks
  quarry ks check --version rhel10 --strict kickstarts/
  quarry ks check --json 'live/*.ks' | jq '.[].problems'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := in.check(cmd, args)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), all); err != nil {
					return err
				}
			}
			var sum report.Summary
			if asJSON {
				sum = report.Count(all)
			} else if sum, err = report.Text(cmd.ErrOrStderr(), all); err != nil {
				return err
			} else {
				fmt.Fprintln(cmd.OutOrStdout(), sum)
			}
			if sum.Errors > 0 || strict && sum.Warnings > 0 {
				return &reportedError{errors.New(sum.String())}
			}
			return nil
		},
	}
	in.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array with an object per kickstart")
	cmd.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	return cmd
}

// check reads all kickstarts, whether they are valid or not.
func (in *ksInput) check(cmd *cobra.Command, names []string) ([]report.Checked, error) {
	version, err := in.syntax()
	if err != nil {
		return nil, err
	}
	inputs, err := disk.Find(in.root, names)
	if err != nil {
		return nil, err
	}
	var all []report.Checked
	for _, input := range inputs {
		file, err := disk.Parse(cmd.Context(), input, version, cmd.InOrStdin())
		checked, err := report.Check(input.Path(), input.Root, file, err)
		if err != nil {
			return nil, err
		}
		all = append(all, checked)
	}
	return all, nil
}

// reportProblems shows the problems of a kickstart on standard error; the error is nil when there are only warnings.
func reportProblems(cmd *cobra.Command, input disk.Input, file *kickstart.File, err error) error {
	checked, other := report.Check(input.Path(), input.Root, file, err)
	if other != nil {
		return other
	}
	sum, writeErr := report.Text(cmd.ErrOrStderr(), []report.Checked{checked})
	if writeErr != nil {
		return writeErr
	}
	if sum.Errors > 0 {
		return &reportedError{err}
	}
	return nil
}
