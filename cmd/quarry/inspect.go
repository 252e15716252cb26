package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/inspect"
)

func newInspect() *cobra.Command {
	var o inspect.Options
	var json, packages bool
	var work string
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what an image is",
		Long: `Inspect reads an image of any format that Quarry makes, without root and without booting it: partitions, file systems, logical volumes, how it starts,
kernels and packages; for a container archive its configuration and layer. What it can't read it calls unknown. Packages of a file that was built
here, and whose database it can't read, it takes from the history.`,
		Example: "  quarry inspect Rocky-9-GenericCloud.latest.x86_64.qcow2\n  quarry inspect --json image.oci.tar",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			view := newView(cmd.ErrOrStderr(), json, false)
			if !json {
				o.Report = view.Show
			}
			report, err := inspect.File(cmd.Context(), args[0], o)
			view.Close()
			if err == nil && len(report.Packages) == 0 {
				err = recordedPackages(cmd.Context(), work, &report)
			}
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
	f.StringVar(&work, "work", "", "the history is under `DIR` instead of the XDG folders")
	f.StringVar(&o.Dir, "tmp", "", "unpack in `DIR` (default: the system's folder for temporary files)")
	return cmd
}

// recordedPackages takes the packages of r's file from the history, if a build of it made the file.
func recordedPackages(ctx context.Context, work string, r *inspect.Report) (err error) {
	dirs, err := newFolders(work)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dirs.state, history.FileName)); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was built here
	}
	h, err := openHistory(ctx, dirs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	sum, _, err := digest.File(r.File)
	if err != nil {
		return err
	}
	build, packages, err := h.PackagesOf(ctx, sum)
	if err != nil || build == "" {
		return err
	}
	for _, p := range packages {
		r.Packages = append(r.Packages, p.Name+"-"+p.Version+"-"+p.Release+"."+p.Arch)
	}
	slices.Sort(r.Packages)
	r.Recorded = "build " + build
	return nil
}
