// Command live builds live images from their unmodified upstream kickstarts against the test distribution's desktop part, boots them as their
// pipelines say, and prints what each step, phase and boot took, how large the image is, what its boots showed, and how long the step that squashes
// took beside mksquashfs alone on the same root. The pictures of the boots are copied beside the published images.
//
// It measures; it is no test. Timings never fail it, a build or a boot that fails does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/quarry-project/quarry/test/pebble"
	"github.com/quarry-project/quarry/test/timings"
)

// images are what is built when nothing else is asked for: the cheapest desktop on two architectures, and the two that have most users.
const images = "rocky/9/XFCE/x86_64,rocky/9/Workstation/x86_64,rocky/9/KDE/x86_64,rocky/9/XFCE/aarch64"

// options are what the flags say.
type options struct {
	quarry, kickstarts, dir, squash string
	only                            []selector
	more                            []string // flags of quarry build
}

// selector is one image to build.
type selector struct{ distro, release, image, arch string }

func (s selector) String() string { return s.distro + "/" + s.release + "/" + s.image + "/" + s.arch }

// selectors reads DISTRO/RELEASE/IMAGE[/ARCH], with commas between several.
func selectors(text string) ([]selector, error) {
	var all []selector
	for _, one := range strings.Split(text, ",") {
		parts := strings.Split(one, "/")
		if len(parts) == 3 {
			parts = append(parts, "x86_64")
		}
		if len(parts) != 4 {
			return nil, fmt.Errorf("%q is no image: want DISTRO/RELEASE/IMAGE or DISTRO/RELEASE/IMAGE/ARCH", one)
		}
		all = append(all, selector{parts[0], parts[1], parts[2], parts[3]})
	}
	return all, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	only := flag.String("only", images, "images, with commas: DISTRO/RELEASE/IMAGE/ARCH")
	flag.StringVar(&o.quarry, "quarry", "bin/quarry", "the program")
	flag.StringVar(&o.kickstarts, "kickstarts", "", "upstream's kickstarts (a bundle)")
	flag.StringVar(&o.dir, "dir", "out/live", "where everything goes")
	flag.StringVar(&o.squash, "squash", "", "another compression than the images' own: zstd is quick")
	flag.Parse()
	o.more = flag.Args()
	if o.kickstarts == "" {
		return errors.New("give --kickstarts, the bundle of upstream's kickstarts")
	}
	var err error
	if o.only, err = selectors(*only); err != nil {
		return err
	}
	var failed []error
	var names []string
	results := map[string]timings.Result{}
	for _, s := range o.only {
		r, err := o.build(ctx, s)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s, err))
		}
		if ctx.Err() != nil {
			break // what was finished before is worth a table
		}
		names = append(names, s.String())
		results[s.String()] = r
		text, err := o.about(ctx, s, r)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s, err))
		}
		fmt.Print(text)
	}
	if len(names) > 0 {
		fmt.Printf("\nseconds\n%s", timings.Table(names, results, false))
	}
	return errors.Join(append(failed, ctx.Err())...)
}

// build makes the desktop part of the architecture's test distribution, if there is none, and an image of it.
func (o options) build(ctx context.Context, s selector) (timings.Result, error) {
	tree, err := pebble.Build(ctx, pebble.Options{Arch: s.arch, Desktop: true})
	if err != nil {
		return timings.Result{}, err
	}
	args := []string{"--distro", s.distro, "--release", s.release, "--image", s.image, "--arch", s.arch, "--mirror", "file://" + tree.Root,
		"--key", filepath.Join(tree.Root, "9", "RPM-GPG-KEY-Pebble-9"), "--repository", "epel=file://" + filepath.Join(tree.Root, "epel/9/Everything", s.arch),
		"--kickstarts", o.kickstarts, "--work", filepath.Join(o.dir, "work"), "--publish", filepath.Join(o.dir, "published")}
	if o.squash != "" {
		args = append(args, "--squash", o.squash)
	}
	args = append(args, o.more...)
	return timings.Build(ctx, o.quarry, filepath.Join(o.dir, strings.ReplaceAll(s.String(), "/", "-")+".log"), args...)
}
