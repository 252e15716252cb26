package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/gc"
)

// gcFlags are quarry gc's flags.
type gcFlags struct {
	work     string
	keepRuns int
	maxSize  string
	dryRun   bool
	json     bool
	verbose  bool
}

func newGC() *cobra.Command {
	var g gcFlags
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what no build needs any more",
		Long: `Gc removes results of steps, downloads, logs, dnf's metadata and old agents, what was not used for the longest time first. It keeps what the
newest runs used, what each image that was published last was made of, and whatever a running build uses: builds may run meanwhile.
The history itself and published trees are not touched. With --max-size it stops as soon as what is left is no larger.`,
		Example: "  quarry gc --dry-run\n  quarry gc --keep-runs 3 --max-size 100GB",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return g.run(cmd) },
	}
	f := cmd.Flags()
	f.IntVar(&g.keepRuns, "keep-runs", 10, "keep all that the newest `N` runs used")
	f.StringVar(&g.maxSize, "max-size", "", "remove only until all together has `SIZE` or less, such as 100GB")
	f.BoolVarP(&g.dryRun, "dry-run", "n", false, "only say what would be removed")
	f.StringVar(&g.work, "work", "", "the `DIR` that builds keep everything under")
	f.BoolVar(&g.json, "json", false, "write JSON for machines")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "name everything that is removed")
	return cmd
}

func (g *gcFlags) run(cmd *cobra.Command) error {
	options := gc.Options{MaxSize: -1, DryRun: g.dryRun}
	if g.keepRuns < 0 {
		return usageError{errors.New("--keep-runs can't be negative")}
	}
	if g.maxSize != "" {
		n, err := units.RAMInBytes(g.maxSize)
		if err != nil || n < 0 {
			return usageError{fmt.Errorf("--max-size %q is no size: write it like 500MB or 100GB", g.maxSize)}
		}
		options.MaxSize = n
	}
	dirs, err := newFolders(g.work)
	if err != nil {
		return err
	}
	result, busy, err := collectGarbage(cmd.Context(), dirs, g.keepRuns, options)
	if err != nil && len(result.Kinds) == 0 {
		return err
	}
	if g.json {
		return errors.Join(err, printJSON(cmd.OutOrStdout(), struct {
			gc.Result
			Building bool `json:"building"` // what builds share was left alone
		}{result, busy}))
	}
	return errors.Join(err, g.print(cmd.OutOrStdout(), result, busy))
}

// collectGarbage does it; busy tells that a build was running.
func collectGarbage(ctx context.Context, dirs folders, keepRuns int, o gc.Options) (result gc.Result, busy bool, err error) {
	h, err := openHistory(ctx, dirs)
	if err != nil {
		return result, false, err
	}
	defer h.Close()
	inv, err := takeInventory(ctx, dirs, h, keepRuns)
	if err != nil {
		return result, false, err
	}
	result, err = gc.Collect(ctx, inv.items, o)
	return result, inv.alone == nil, errors.Join(err, inv.close())
}

func (g *gcFlags) print(w io.Writer, r gc.Result, busy bool) error {
	var b strings.Builder
	verb := "freed"
	if g.dryRun {
		verb = "would free"
	}
	if g.verbose {
		for _, it := range r.Removed {
			fmt.Fprintf(&b, "%s (%s, last used %s)\n", it.Name, size(it.Size), it.Used.Local().Format("2006-01-02 15:04"))
		}
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\t%s\t\tleft\t\n", verb)
	for _, k := range r.Kinds {
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%s", k.Kind, k.Removed, size(k.Freed), k.Left, size(k.Size))
		if k.InUse > 0 {
			fmt.Fprintf(t, "\t%d in use", k.InUse)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "all\t%d\t%s\t\t%s\n", len(r.Removed), size(r.Freed), size(r.Size))
	_ = t.Flush() // the writer is in memory
	if busy {
		b.WriteString("a build is running: downloads, dnf's metadata and agents were left alone\n")
	}
	if r.Over > 0 {
		fmt.Fprintf(&b, "still %s over --max-size: the rest is in use or kept; keep fewer runs with --keep-runs\n", size(r.Over))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// size is a number of bytes for people.
func size(bytes int64) string { return units.BytesSize(float64(bytes)) }
