package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/history"
)

func newDiff() *cobra.Command {
	var work string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff BUILD BUILD",
		Short: "Compare two builds",
		Long: `Diff prints how the second build differs from the first: kickstart, packages with their versions, files with their sizes, and how long each
step took. BUILD is an id of quarry history and may be cut short. It compares the packages that are in the images; of builds that
made none, those of the Locks.`,
		Example: "  quarry diff c1af 77b0",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withHistory(cmd, work, func(h *history.History) error {
				d, err := h.Diff(cmd.Context(), args[0], args[1])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), d)
				}
				_, err = io.WriteString(cmd.OutOrStdout(), diffText(d))
				return err
			})
		},
	}
	historyFlags(cmd, &work, &asJSON)
	return cmd
}

// diffText is a comparison for people.
func diffText(d history.Diff) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s\n%s  %s  %s\n", d.From.ID, d.From.Name(), moment(d.From.Started), d.To.ID, d.To.Name(), moment(d.To.Started))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range d.Fields {
		fmt.Fprintf(t, "%s\t%s\t-> %s\n", f.Name, orNone(f.From), orNone(f.To))
	}
	_ = t.Flush() // the writer is in memory
	packagesText(&b, d)
	if len(d.Artifacts) > 0 {
		fmt.Fprint(t, "\nfile\tsize\n")
	}
	for _, c := range d.Artifacts {
		fmt.Fprintf(t, "%s\t%s\n", c.Format, sizes(c))
	}
	if len(d.Steps) > 0 {
		fmt.Fprint(t, "\nstep\tseconds\n")
	}
	for _, s := range d.Steps {
		fmt.Fprintf(t, "%s\t%.1f -> %.1f\n", s.Name, s.From, s.To)
	}
	_ = t.Flush()
	return b.String()
}

func packagesText(w io.Writer, d history.Diff) {
	p := d.Packages
	switch {
	case d.Compared == "":
		fmt.Fprint(w, "\npackages: not known of both\n")
		return
	case p.Empty():
		fmt.Fprintf(w, "\npackages (%s): the same\n", d.Compared)
		return
	}
	fmt.Fprintf(w, "\npackages (%s): %d added, %d removed, %d updated\n", d.Compared, len(p.Added), len(p.Removed), len(p.Updated))
	for _, it := range p.Added {
		fmt.Fprintf(w, "+ %s\n", it)
	}
	for _, it := range p.Removed {
		fmt.Fprintf(w, "- %s\n", it)
	}
	for _, it := range p.Updated {
		fmt.Fprintf(w, "~ %s -> %s\n", it.From, it.To)
	}
}

func sizes(c history.ArtifactChange) string {
	switch {
	case c.From == nil:
		return "none -> " + size(c.To.Size)
	case c.To == nil:
		return size(c.From.Size) + " -> none"
	case c.From.Digest == c.To.Digest:
		return size(c.To.Size) + ", the same content"
	}
	sign, by := "+", c.To.Size-c.From.Size
	if by < 0 {
		sign, by = "-", -by
	}
	return fmt.Sprintf("%s -> %s (%s%s)", size(c.From.Size), size(c.To.Size), sign, size(by))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
