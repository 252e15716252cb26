package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
)

// target is what the flags that say which image is meant hold. plan, lock and build share them.
type target struct {
	request    plan.Request
	kickstarts string
	pipelines  string
	work       string
	json       bool
	verbose    bool
}

func (t *target) register(cmd *cobra.Command) {
	host := "x86_64"
	if a, ok := arch.Host(); ok {
		host = a.Name
	}
	f := cmd.Flags()
	f.StringVar(&t.request.Distro, "distro", "rocky", "distribution")
	f.StringVar(&t.request.Release, "release", "9", "release, such as 9 or 9.6")
	f.StringVar(&t.request.Image, "image", "GenericCloud", "image")
	f.StringVar(&t.request.Variant, "variant", "", "variant (default: the image's primary one)")
	f.StringVar(&t.request.Arch, "arch", host, "architecture, as RPM calls it")
	f.StringVar(&t.request.Kickstart, "kickstart", "", "another kickstart `FILE` of the repository than the image's own; $basearch in it is the architecture")
	f.StringVar(&t.request.Squash, "squash", "", "compression of a live image's files instead of the image's own: xz, or zstd, which is quick to make and larger")
	t.registerSite(cmd)
	complete(cmd, "squash", "xz", "zstd")
	complete(cmd, "arch", arch.Names()...)
	complete(cmd, "release", "8", "9", "10")
	complete(cmd, "distro", "rocky", "almalinux", "pebble")
}

// complete offers values for a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// registerSite adds the flags that say where everything is, which don't choose an image.
func (t *target) registerSite(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.request.Mirror, "mirror", "", "`URL` of a mirror of the distribution, instead of its own")
	f.StringArrayVar(&t.request.Repositories, "repository", nil, "`ID=URL` of one repository instead of its own; ID=none leaves it out")
	f.StringSliceVar(&t.request.KeyFiles, "key", nil, "`FILE` with the public key that packages are signed with, instead of the release's pinned keys")
	f.StringVar(&t.kickstarts, "kickstarts", "", "kickstarts from this `PATH|URL`: a folder, a git repository or a bundle")
	f.StringVar(&t.pipelines, "pipelines", "", "pipelines from this `DIR` instead of the built-in ones")
	f.StringVar(&t.work, "work", "", "keep everything under `DIR` instead of the XDG folders")
	f.BoolVar(&t.json, "json", false, "write JSON for machines")
	f.BoolVarP(&t.verbose, "verbose", "v", false, "show what scripts and programs print")
}

// plan makes the plan. A lock pins the kickstart's commit.
func (t *target) plan(ctx context.Context, dirs folders, lock *resolve.Lock, report progress.Func) (plan.Plan, error) {
	planner, err := t.planner(dirs, report)
	if err != nil {
		return plan.Plan{}, err
	}
	return planner.plan(ctx, t.request, lock)
}
