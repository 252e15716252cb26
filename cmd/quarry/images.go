package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/publish"
	"github.com/quarry-project/quarry/pipelines"
)

// imageRow is one image for one architecture, as `quarry images --json` lists it.
type imageRow struct {
	Distro    string       `json:"distro"`
	Release   string       `json:"release"`
	Version   string       `json:"version"`
	Image     string       `json:"image"`
	Variant   string       `json:"variant,omitempty"`
	Arch      string       `json:"arch"`
	Builder   string       `json:"builder"`
	Source    string       `json:"source"` // of the kickstart, in kickstarts/sources.yaml; "quarry" is Quarry's own
	Kickstart string       `json:"kickstart"`
	DiskSize  int64        `json:"diskSize,omitempty"` // bytes; of live images only the kickstart knows
	Labels    []string     `json:"labels,omitempty"`
	Outputs   []outputFile `json:"outputs"`
}

// outputFile is one file of an image, under the names that it has if it is built today.
type outputFile struct {
	plan.Output
	publish.Names
}

// imageFilter says which rows are wanted; empty fields leave all.
type imageFilter struct{ distro, release, image, arch, label string }

func newImages() *cobra.Command {
	var want imageFilter
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "images",
		Short: "List the images that can be built",
		Long: `Images lists every image of the pipelines with its architecture, kickstart and formats, and the names that its files have if they are built
today.`,
		Example: `  quarry images --distro rocky --release 9
  quarry images --image Vagrant --arch x86_64
  quarry images --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var files fs.FS = pipelines.Files
			if dir != "" {
				files = os.DirFS(dir)
			}
			catalog, err := plan.Load(files)
			if err != nil {
				return err
			}
			rows, err := imageRows(catalog, want, time.Now().UTC().Format("20060102"))
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				return usageError{errors.New("no image is like that: quarry images lists them all")}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			return printImages(cmd.OutOrStdout(), rows)
		},
	}
	f := cmd.Flags()
	f.StringVar(&want.distro, "distro", "", "only of this distribution")
	f.StringVar(&want.release, "release", "", "only of this release, such as 9")
	f.StringVar(&want.image, "image", "", "only this image, such as GenericCloud or GenericCloud-Base")
	f.StringVar(&want.arch, "arch", "", "only for this architecture")
	f.StringVar(&want.label, "label", "", "only with this label")
	f.StringVar(&dir, "pipelines", "", "pipelines from this `DIR` instead of the built-in ones")
	f.BoolVar(&asJSON, "json", false, "write JSON for machines")
	return cmd
}

// imageRows lists what matches the filter. Names are those of a build on date, YYYYMMDD.
func imageRows(catalog plan.Catalog, want imageFilter, date string) ([]imageRow, error) {
	var rows []imageRow
	for _, p := range catalog.Pipelines() {
		for _, a := range p.Architectures() {
			if !want.matches(p, a) {
				continue
			}
			o := p.Outline(plan.Request{Release: p.Release(), Arch: a})
			row := imageRow{
				Distro: o.Distro, Release: o.Release, Version: o.Version, Image: o.Image, Variant: o.Variant, Arch: a, Builder: o.Builder,
				Source: p.Source, Kickstart: o.Kickstart.Path, DiskSize: o.Disk.Size, Labels: p.Labels(),
			}
			for _, output := range o.Outputs {
				names, err := publish.NamesOf(o, artifact.Image{Arch: a, Format: output.Format}, date, 0)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", p.File, err)
				}
				row.Outputs = append(row.Outputs, outputFile{output, names})
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (f imageFilter) matches(p plan.Pipeline, a string) bool {
	is := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	return is(f.distro, p.Distro()) && is(f.release, p.Release()) && is(f.arch, a) &&
		(is(f.image, p.Image()) || is(f.image, p.Image()+"-"+p.Variant())) &&
		(f.label == "" || slices.Contains(p.Labels(), f.label))
}

func printImages(out io.Writer, rows []imageRow) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DISTRO\tRELEASE\tIMAGE\tVARIANT\tARCH\tKICKSTART\tFORMAT\tFILE")
	for _, r := range rows {
		for _, o := range r.Outputs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Distro, r.Release, r.Image, r.Variant, r.Arch, r.Kickstart, o.Format, o.File)
		}
	}
	return w.Flush()
}
