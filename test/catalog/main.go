// Command catalog builds every image of release 9's catalog from its unmodified upstream kickstart against the test distribution, and prints a
// table of what came out: format, size, seconds, and what verify saw, or the exact reason why there is nothing. An image that can't be
// built without a network is expected to say so; any other failure is the program's.
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
		{selectors: []string{"rocky/9/*/x86_64"}, exclude: []string{"rocky/9/OCP*",
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
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	only := flag.String("only", "", "selectors instead of the whole catalog, with commas: rocky/9/EC2*")
	flag.StringVar(&o.quarry, "quarry", "bin/quarry", "the program")
	flag.StringVar(&o.kickstarts, "kickstarts", "", "upstream's kickstarts (a bundle)")
	flag.StringVar(&o.dir, "dir", "out/catalog", "where everything goes")
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
	var rows []row
	var failed error
	for i, g := range groups() {
		if len(o.only) > 0 {
			g.selectors, g.exclude = o.narrow(g)
			if len(g.selectors) == 0 {
				continue
			}
		}
		got, err := o.build(ctx, g, mirror, filepath.Join(dir, fmt.Sprintf("report-%d.json", i)))
		rows, failed = append(rows, got...), errors.Join(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Print(table(rows))
	return failed
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

// build runs one group with one call of quarry.
func (o options) build(ctx context.Context, g group, mirror, report string) ([]row, error) {
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
		return nil, err
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
	failure := cmd.Run()
	rows, err := read(report)
	if failure != nil {
		failure = fmt.Errorf("quarry run %s: %w", strings.Join(g.selectors, " "), failure)
	}
	return rows, errors.Join(failure, err)
}
