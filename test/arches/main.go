// Command arches builds one image of the test distribution for several architectures, one after the other so that they don't disturb each
// other, and prints what each phase took and its ratio to the first architecture's. Every build is a whole one: packages, machine,
// format and boots; with the method "machine" only the packages are of interest, so the boots are left out.
//
// All are emulated, the host's own architecture too: the ratios say what an architecture costs, not what KVM gains.
//
// It measures; it is no test. Timings never fail it, a build that fails does.
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

// options are what the flags say.
type options struct {
	quarry, kickstarts, distro, work, publish string
	arches, methods                           []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "arches:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	arches := flag.String("arch", "x86_64,aarch64,ppc64le,s390x", "architectures; ratios are to the first")
	methods := flag.String("packages", "sandbox,machine", "where packages are installed")
	flag.StringVar(&o.quarry, "quarry", "bin/quarry", "the program")
	flag.StringVar(&o.kickstarts, "kickstarts", "", "upstream's kickstarts (a bundle); without, Pebble's own is built")
	flag.StringVar(&o.work, "work", "out/arches/work", "quarry's folder; emptied before each method, so that nothing is taken from an earlier run")
	flag.StringVar(&o.publish, "publish", "out/arches/published", "where the images go")
	flag.Parse()
	o.arches, o.methods = strings.Split(*arches, ","), strings.Split(*methods, ",")
	o.distro = "pebble"
	if o.kickstarts != "" {
		o.distro = "rocky"
	}
	var failed []error
	for _, method := range o.methods {
		results := map[string]timings.Result{}
		for _, arch := range o.arches {
			r, err := build(ctx, o, arch, method)
			if err != nil {
				failed = append(failed, fmt.Errorf("%s, packages in the %s: %w", arch, method, err))
			}
			results[arch] = r
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		fmt.Printf("\npackages in the %s (seconds, and the ratio to %s)\n%s", method, o.arches[0], timings.Table(o.arches, results, true))
	}
	return errors.Join(failed...)
}

// build makes the architecture's tree of the test distribution, if there is none, and an image of it.
func build(ctx context.Context, o options, arch, method string) (timings.Result, error) {
	tree, err := pebble.Build(ctx, pebble.Options{Arch: arch})
	if err != nil {
		return timings.Result{}, err
	}
	work := filepath.Join(o.work, method+"-"+arch)
	if err := os.RemoveAll(work); err != nil {
		return timings.Result{}, fmt.Errorf("a run of before is in the way; remove it with `quarry gc --work %s --max-size 0`: %w", work, err)
	}
	args := []string{"--distro", o.distro, "--image", "GenericCloud", "--arch", arch, "--mirror", "file://" + tree.Root,
		"--packages", method, "--accel", "tcg", "--work", work}
	if o.distro == "rocky" {
		args = append(args, "--kickstarts", o.kickstarts, "--key", filepath.Join(tree.Root, "9", "RPM-GPG-KEY-Pebble-9"))
	}
	if method == "machine" {
		args = append(args, "--no-verify")
	} else {
		args = append(args, "--publish", o.publish)
	}
	return timings.Build(ctx, o.quarry, work+".log", args...)
}
