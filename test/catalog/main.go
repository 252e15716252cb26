// Command catalog builds every image of release 9's catalog but the live ones from its unmodified upstream kickstart against the test
// distribution, has other people's programs read the files, and prints a table of what came out: format, size, seconds, what verify saw and
// which programs took it, or the exact reason why there is nothing. A part of the catalog can be built at a time: the table is of
// everything that was built in its folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/quarry-project/quarry/test/pebble"
)

// group is a set of images that need the same flags: some kickstarts name repositories that are no part of a mirror of the distribution.
type group struct {
	selectors    []string
	exclude      []string
	repositories map[string]string // id: path below the mirror
}

// groups are all images but the live desktops, which take packages that Pebble makes only when asked, and far longer.
func groups() []group {
	return []group{
		{selectors: []string{"rocky/9/*/x86_64"}, exclude: []string{"rocky/9/OCP*", "rocky/9/SBC*", "rocky/9/GenericArm*",
			"rocky/9/Workstation*", "rocky/9/KDE", "rocky/9/XFCE", "rocky/9/MATE", "rocky/9/Cinnamon"}},
		{selectors: []string{"rocky/9/OCP*/x86_64"}, repositories: map[string]string{
			"epel": "epel/9/Everything/x86_64", "oraclelinux-addons": "oracle/OL9/addons/x86_64", "sig-cloud-common": "sig/9/cloud/x86_64/cloud-common"}},
		{selectors: []string{"rocky/9/SBC*/aarch64"}, repositories: map[string]string{"rockyrpi": "sig/9/altarch/aarch64/altarch-rockyrpi"}},
		{selectors: []string{"rocky/9/GenericArm*/aarch64"}, repositories: map[string]string{"instKern": "gen_aarch64_el9"}},
	}
}

type options struct {
	quarry, kickstarts, dir string
	only, arches            []string
	more                    []string // flags of quarry run
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := catalog(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}

func catalog(ctx context.Context) error {
	var o options
	only := flag.String("only", "", "selectors instead of the whole catalog, with commas: rocky/9/EC2*")
	flag.StringVar(&o.quarry, "quarry", "bin/quarry", "the program")
	flag.StringVar(&o.kickstarts, "kickstarts", "", "upstream's kickstarts (a bundle)")
	flag.StringVar(&o.dir, "dir", "out/catalog", "where everything goes")
	document := flag.String("document", "", "a Markdown file that gets the table between the marks for it")
	flag.Parse()
	o.more, o.arches = flag.Args(), []string{"x86_64", "aarch64"}
	if o.kickstarts == "" {
		return errors.New("give --kickstarts, the bundle of upstream's kickstarts")
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	o.dir = dir
	mirror := filepath.Join(dir, "mirror")
	var trees []pebble.Tree
	for _, arch := range o.arches {
		tree, err := pebble.Build(ctx, pebble.Options{Arch: arch})
		if err != nil {
			return err
		}
		trees = append(trees, tree)
	}
	if err := pebble.Mirror(mirror, trees...); err != nil {
		return err
	}
	kept := keeper{filepath.Join(dir, "rows")}
	var failed error
	for i, g := range groups() {
		if len(o.only) > 0 {
			g.selectors, g.exclude = o.narrow(g)
			if len(g.selectors) == 0 {
				continue
			}
		}
		report := filepath.Join(dir, fmt.Sprintf("report-%d.json", i))
		failed = errors.Join(failed, o.build(ctx, g, mirror, report), kept.add(ctx, report))
		if ctx.Err() != nil {
			break
		}
	}
	rows, err := kept.all()
	if err != nil {
		return errors.Join(failed, err)
	}
	fmt.Print(table(rows))
	if *document != "" {
		err = writeInto(*document, markdown(rows))
	}
	return errors.Join(failed, err)
}

// narrow leaves of a group what was asked for. A selector names its whole group or images in it.
func (o options) narrow(g group) (selectors, exclude []string) {
	for _, s := range o.only {
		image := strings.Split(s+"///", "/")[2]
		for _, have := range g.selectors {
			parts := strings.Split(have, "/")
			fits, err := filepath.Match(parts[2], image)
			if err == nil && fits && !slices.ContainsFunc(g.exclude, func(e string) bool {
				out, _ := filepath.Match(strings.Split(e, "/")[2], image)
				return out
			}) {
				selectors = append(selectors, strings.Join([]string{parts[0], parts[1], image, parts[3]}, "/"))
			}
		}
	}
	return selectors, nil
}

// build runs one group with one call of quarry, which writes a report.
func (o options) build(ctx context.Context, g group, mirror, report string) error {
	file := strings.TrimSuffix(report, ".json") + ".yaml"
	var text strings.Builder
	fmt.Fprintf(&text, "name: catalog\nselect:\n")
	for _, s := range g.selectors {
		fmt.Fprintf(&text, "  - %q\n", s)
	}
	if len(g.exclude) > 0 {
		fmt.Fprintf(&text, "exclude:\n")
		for _, s := range g.exclude {
			fmt.Fprintf(&text, "  - %q\n", s)
		}
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return err
	}
	if err := os.Remove(report); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // it would be taken for this run's
	}
	args := []string{"run", "--file", file, "--mirror", "file://" + mirror, "--key", filepath.Join(mirror, "9", "RPM-GPG-KEY-Pebble-9"),
		"--kickstarts", o.kickstarts, "--work", filepath.Join(o.dir, "work"), "--publish", filepath.Join(o.dir, "published"), "--report", report}
	for id, path := range g.repositories {
		args = append(args, "--repository", id+"=file://"+filepath.Join(mirror, path))
	}
	args = append(args, o.more...)
	cmd := exec.CommandContext(ctx, o.quarry, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr // standard output is the table's
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("quarry run %s: %w", strings.Join(g.selectors, " "), err)
	}
	return nil
}
