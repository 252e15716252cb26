// Package live builds live images: ISOs that start a system from the medium itself. The packages become a tree, the tree and the kickstart a root
// file system, in a machine; the root is squashed on the host, an initramfs that finds it on the medium and the boot loaders' files come out of the
// tree, and all of it becomes one ISO.
//
// The root is what livemedia-creator's Anaconda leaves when it installs into a folder: no boot loader, no fstab but the packages' own, whatever
// the kickstart says of storage but for the size of /. Its files have SELinux labels.
package live

import (
	"context"
	"fmt"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/packaging"
)

// Builder builds live images.
type Builder struct{}

// Build implements builders.Builder.
func (Builder) Build(ctx context.Context, job builders.Job) (builders.Built, error) {
	var built builders.Built
	if job.Plan.Live == nil {
		return built, fmt.Errorf("%s: the plan says nothing of a live image", job.Plan.Name())
	}
	packages, err := builders.Tree(ctx, job)
	if err != nil {
		return built, err
	}
	// Before the root: what the packages lack for a medium is known after seconds, and the root takes minutes.
	boot, err := makeInitrd(ctx, job, packages)
	if err != nil {
		return built, err
	}
	built.Phases = append(built.Phases, boot.Phases...)
	root, err := makeRoot(ctx, job, packages)
	built.Phases = append(built.Phases, root.Phases...)
	if err != nil {
		return built, err
	}
	squashed, err := makeSquash(ctx, job, root)
	built.Phases = append(built.Phases, squashed.Phases...)
	if err != nil {
		return built, err
	}
	image, err := makeISO(ctx, job, parts{root: root, squash: squashed.File, boot: boot.Set})
	built.Phases = append(built.Phases, image.Phases...)
	if err != nil {
		return built, err
	}
	built.Images, err = builders.PackAll(ctx, job, packaging.Source{Medium: &image.Image})
	return built, err
}

// do runs a step whose work is run.
func do[In any, Out engine.Result](ctx context.Context, job builders.Job, name string, needs engine.Needs, in In, run func(context.Context, engine.Env) (Out, error)) (Out, error) {
	step := engine.Step[In, Out]{Name: name, Version: builders.Version(name), Needs: func(In) engine.Needs { return needs }, Run: func(ctx context.Context, _ In, env engine.Env) (Out, error) {
		return run(ctx, env)
	}}
	return engine.Do(ctx, job.Runner, step, in)
}
