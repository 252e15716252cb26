package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/doctor"
	"github.com/quarry-project/quarry/internal/resolve"
)

// errUnfit ends a doctor that has found something missing.
var errUnfit = errors.New("this host lacks what Quarry needs; the list above says how to get it")

func newDoctor() *cobra.Command {
	var json bool
	var archs []string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this host lacks, and how to get it",
		Long: `Doctor tries what Quarry needs: each program with its version, and for every architecture its QEMU and firmware, how its machines run
and where its packages are installed. What is missing is listed with the command that installs it here. It exits with 1 when something
required is missing: what this host's own architecture needs or, with --arch, what the named ones need.`,
		Example: "  quarry doctor\n  quarry doctor --arch x86_64,aarch64 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dirs, err := newFolders("")
			if err != nil {
				return err
			}
			wanted, required, err := architectures(archs)
			if err != nil {
				return usageError{err}
			}
			findings := examine(cmd.Context(), wanted, required, dirs.cache)
			if json {
				err = printJSON(cmd.OutOrStdout(), findings)
			} else {
				err = printFindings(cmd.OutOrStdout(), findings)
			}
			if err == nil && !doctor.Healthy(findings) {
				err = errUnfit
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&json, "json", false, "write JSON for machines")
	cmd.Flags().StringSliceVar(&archs, "arch", nil, "only these architectures, all that they need required")
	return cmd
}

// examine looks at everything.
func examine(ctx context.Context, wanted []arch.Arch, required map[string]bool, cacheDir string) []doctor.Finding {
	h := doctor.ThisHost()
	var findings []doctor.Finding
	for _, n := range doctor.Programs() {
		findings = append(findings, doctor.Check(ctx, n, h))
	}
	findings = append(findings, python(ctx, h))
	for _, a := range wanted {
		findings = append(findings, platform(ctx, a, h, required[a.Name], cacheDir)...)
	}
	return findings
}

func python(ctx context.Context, h doctor.Host) doctor.Finding {
	f := doctor.Finding{Name: "python3 with dnf", For: "solving dependencies", Required: true}
	path, err := resolve.Python(ctx)
	if f.OK, f.Detail = err == nil, path; err != nil {
		f.Detail, f.Fix = "not found", h.Install("python3-dnf", "python3-dnf")
	}
	return f
}

func printFindings(w io.Writer, findings []doctor.Finding) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		mark := "ok"
		switch {
		case !f.OK && f.Required:
			mark = "MISSING"
		case !f.OK:
			mark = "without"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", mark, f.Name, strings.ReplaceAll(f.Detail, "\n", " "))
		if !f.OK {
			fmt.Fprintf(t, "\t\tneeded for %s\n", f.For)
			if f.Fix != "" {
				fmt.Fprintf(t, "\t\tfix: %s\n", f.Fix)
			}
		}
	}
	return t.Flush()
}
