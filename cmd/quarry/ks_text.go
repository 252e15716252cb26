package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/kickstart/disk"
	"github.com/quarry-project/quarry/internal/kickstart/report"
)

func newKSFlatten() *cobra.Command {
	var (
		in        ksInput
		canonical bool
	)
	cmd := &cobra.Command{
		Use:   "flatten FILE",
		Short: "Print a kickstart with everything that it includes",
		Long: `Flatten replaces every include by what it includes and keeps the rest as it stands. With --canonical it prints what the kickstart
amounts to instead: commands merged and sorted, comments dropped.`,
		Example: `  quarry ks flatten Rocky-9-XFCE.ks > flat.ks
  quarry ks flatten --canonical Rocky-9-XFCE.ks`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := in.read(cmd, args[0])
			if err != nil {
				return err
			}
			text := file.Flat()
			if canonical {
				text = file.String()
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text)
			return err
		},
	}
	in.register(cmd)
	cmd.Flags().BoolVar(&canonical, "canonical", false, "print the canonical text")
	return cmd
}

func newKSFmt() *cobra.Command {
	var (
		in    ksInput
		write bool
		check bool
	)
	cmd := &cobra.Command{
		Use:   "fmt FILE…",
		Short: "Write kickstarts in one style",
		Long: `Fmt writes options in full and as --option=value, one space between words and quotation marks only where they are needed. Comments,
includes, scripts and the order of lines stay; nothing changes its meaning. Without -w the result goes to standard output.`,
		Example: `  quarry ks fmt image.ks
  quarry ks fmt -w kickstarts/
  quarry ks fmt --check kickstarts/`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := in.syntax()
			if err != nil {
				return err
			}
			inputs, err := disk.Find(in.root, args)
			if err != nil {
				return err
			}
			var changed []string
			for _, input := range inputs {
				before, after, err := format(cmd, input, version)
				if err != nil {
					return err
				}
				if before != after {
					changed = append(changed, input.Path())
				}
				switch {
				case check:
				case !write:
					_, err = io.WriteString(cmd.OutOrStdout(), after)
				case before != after && input.Name == "-":
					err = usageError{errors.New("standard input can't be written back")}
				case before != after:
					err = rewrite(input.Path(), after)
				}
				if err != nil {
					return err
				}
			}
			if check && len(changed) > 0 {
				fmt.Fprintln(cmd.OutOrStdout(), strings.Join(changed, "\n"))
				return fmt.Errorf("%d of %d kickstarts aren't in the usual style: quarry ks fmt -w writes them anew", len(changed), len(inputs))
			}
			return nil
		},
	}
	in.register(cmd)
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the files back")
	cmd.Flags().BoolVar(&check, "check", false, "list the files that would change, and fail if there are any")
	return cmd
}

func format(cmd *cobra.Command, input disk.Input, version kickstart.Version) (before, after string, err error) {
	if before, err = input.Text(cmd.InOrStdin()); err != nil {
		return "", "", err
	}
	if version == 0 {
		version = disk.Declared(before)
	}
	after, err = kickstart.Format(input.Path(), strings.NewReader(before), kickstart.Options{Version: version})
	return before, after, err
}

// rewrite replaces what a file holds. A symbolic link stays one, and the mode stays, as a kickstart may hold passwords.
func rewrite(name, text string) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no longer there when all went well
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return durable.Rename(f.Name(), target)
}

func newKSDiff() *cobra.Command {
	var (
		in     ksInput
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say in what two kickstarts differ in meaning",
		Long: `Diff compares commands, scripts and packages with everything included, whatever the order, spelling or comments. It exits with 1 when
there is a difference.`,
		Example: `  quarry ks diff Rocky-9-GenericCloud-Base.ks Rocky-9-GenericCloud-LVM.ks`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := in.read(cmd, args[0])
			if err != nil {
				return err
			}
			b, err := in.read(cmd, args[1])
			if err != nil {
				return err
			}
			changes := kickstart.Diff(a, b)
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), changes)
			} else {
				err = report.Diff(cmd.OutOrStdout(), changes)
			}
			if err == nil && len(changes) > 0 {
				err = &reportedError{fmt.Errorf("%s and %s differ", args[0], args[1])}
			}
			return err
		},
	}
	in.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array with an object per difference")
	return cmd
}
