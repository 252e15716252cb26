package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/filelist"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/install"
)

func newDiff() *cobra.Command {
	var work string
	var asJSON, files bool
	cmd := &cobra.Command{
		Use:   "diff BUILD BUILD",
		Short: "Compare two builds",
		Long: `Diff prints how the second build differs from the first: kickstart, packages with their versions, files with their sizes, and how long each
step took. BUILD is an id of quarry history and may be cut short. It compares the packages that are in the images; of builds that
made none, those of the Locks. With --files it compares the files of both package trees too, if quarry gc has left both: their names,
permissions and sizes.`,
		Example: "  quarry diff c1af 77b0",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withHistory(cmd, work, func(h *history.History) error {
				var d comparison
				var err error
				if d.Diff, err = h.Diff(cmd.Context(), args[0], args[1]); err != nil {
					return err
				}
				if files {
					if d.Tree, err = compareTrees(cmd.Context(), d.From, d.To); err != nil {
						return err
					}
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), d)
				}
				_, err = io.WriteString(cmd.OutOrStdout(), diffText(d.Diff)+treeText(d.Tree))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&files, "files", false, "compare the files of the package trees, too")
	historyFlags(cmd, &work, &asJSON)
	return cmd
}

// comparison is what quarry diff prints.
type comparison struct {
	history.Diff
	Tree *filelist.Changes `json:"files,omitempty"` // of the package trees, with --files
}

// compareTrees compares the package trees of two builds.
func compareTrees(ctx context.Context, from, to history.Build) (*filelist.Changes, error) {
	old, err := treeFiles(ctx, from)
	if err != nil {
		return nil, err
	}
	now, err := treeFiles(ctx, to)
	if err != nil {
		return nil, err
	}
	c := filelist.Compare(old, now)
	return &c, nil
}

// treeFiles lists the files of a build's package tree.
func treeFiles(ctx context.Context, b history.Build) ([]filelist.File, error) {
	for _, s := range b.Steps {
		path := filepath.Join(s.Dir, install.TreeFile)
		if s.Name != "tree" || s.Dir == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("the package tree of build %s is no longer there: %w", b.ID, err)
		}
		return filelist.Squash(ctx, path)
	}
	return nil, fmt.Errorf("build %s has no package tree: leave out --files", b.ID)
}

// treeText is how two trees differ, for people.
func treeText(c *filelist.Changes) string {
	if c == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nfiles of the package trees: %d added, %d removed, %d changed\n", len(c.Added), len(c.Removed), len(c.Changed))
	for _, f := range c.Added {
		fmt.Fprintf(&b, "+ %s  %s\n", f.Mode, plainly(f.Path))
	}
	for _, f := range c.Removed {
		fmt.Fprintf(&b, "- %s  %s\n", f.Mode, plainly(f.Path))
	}
	for _, p := range c.Changed {
		fmt.Fprintf(&b, "~ %s  %s%s\n", p.To.Mode, plainly(p.To.Path), fileChange(p))
	}
	return b.String()
}

// plainly is a foreign name without what would steer a terminal.
func plainly(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

// fileChange says what of a file changed.
func fileChange(p filelist.Pair) string {
	var parts []string
	for _, f := range []history.Field{
		{Name: "mode", From: p.From.Mode, To: p.To.Mode}, {Name: "owner", From: p.From.Owner, To: p.To.Owner},
		{Name: "size", From: size(p.From.Size), To: size(p.To.Size)}, {Name: "means", From: plainly(p.From.Target), To: plainly(p.To.Target)},
	} {
		if f.From != f.To {
			parts = append(parts, fmt.Sprintf("%s %s -> %s", f.Name, f.From, f.To))
		}
	}
	if len(parts) == 0 { // less than the size is shown to
		parts = append(parts, fmt.Sprintf("size %d -> %d", p.From.Size, p.To.Size))
	}
	return "  (" + strings.Join(parts, ", ") + ")"
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
