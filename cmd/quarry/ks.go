package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/kickstart/disk"
)

func newKSCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ks",
		Short: "Check, flatten, format, compare and explain kickstarts",
		Long: `The ks commands read kickstart files as RHEL 8, 9 and 10 do. They build nothing and run nothing.

FILE is a file, a folder (every *.ks below it), a glob pattern, or - for standard input. A file inside the working directory may
include whatever else is in there, any other file what is in its own folder; --root says otherwise.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newKSCheck(), newKSFlatten(), newKSFmt(), newKSDiff(), newKSExplain(), newKSVersions())
	return cmd
}

// ksInput are the flags of the commands that read kickstarts.
type ksInput struct {
	version string
	root    string
}

func (in *ksInput) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.version, "version", "", "syntax version: rhel8, rhel9 or rhel10 (default: the file's #version= line, else rhel9)")
	cmd.Flags().StringVar(&in.root, "root", "", "folder that includes can't leave")
}

// syntax is the version that was asked for, 0 when none was.
func (in *ksInput) syntax() (kickstart.Version, error) {
	if in.version == "" {
		return 0, nil
	}
	version, err := kickstart.ParseVersion(in.version)
	if err != nil {
		return 0, usageError{err}
	}
	return version, nil
}

// read reads one kickstart that must be valid.
func (in *ksInput) read(cmd *cobra.Command, name string) (*kickstart.File, error) {
	version, err := in.syntax()
	if err != nil {
		return nil, err
	}
	inputs, err := disk.Find(in.root, []string{name})
	if err != nil {
		return nil, err
	}
	if len(inputs) != 1 {
		return nil, usageError{fmt.Errorf("%s means %d kickstarts, and one is wanted here", name, len(inputs))}
	}
	file, err := disk.Parse(cmd.Context(), inputs[0], version, cmd.InOrStdin())
	return file, reportProblems(cmd, inputs[0], file, err)
}
