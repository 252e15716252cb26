package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/publish"
	"github.com/quarry-project/quarry/internal/scratch"
	"github.com/quarry-project/quarry/internal/store"
	"github.com/quarry-project/quarry/internal/verify"
)

// images is how many a run makes, side by side.
const images = 3

// place is where a run works: what several runs share.
type place string

func (p place) join(names ...string) string {
	return filepath.Join(append([]string{string(p)}, names...)...)
}

func (p place) steps() string   { return p.join("cache", "steps") }
func (p place) store() string   { return p.join("cache", "store") }
func (p place) scratch() string { return p.join("cache", "tmp") }
func (p place) tree() string    { return p.join("published") }
func (p place) history() string { return p.join(history.FileName) }

// source is the file that everything of a generation is made of.
func (p place) source(generation string) string { return p.join("source-" + generation) }

// work is a run of cheap steps, with all that a real one uses: what killed runs left is removed, files are fetched, programs run, results kept and
// published.
func work(ctx context.Context, p place, generation string) error {
	if _, err := engine.Sweep(ctx, p.steps(), nil); err != nil {
		return err
	}
	temporary, err := scratch.Open(p.scratch())
	if err != nil {
		return err
	}
	files, err := store.Open(p.store())
	if err != nil {
		return err
	}
	h, err := history.Open(ctx, p.history())
	if err != nil {
		return err
	}
	run, err := h.StartRun(ctx, []string{"soak"}, "test")
	if err != nil {
		return err
	}
	resources := engine.NewResources(engine.Limits{CPUs: 2})
	var group errgroup.Group
	for i := range images {
		group.Go(func() error {
			r := &engine.Runner{Dir: p.steps(), Resources: resources, Order: i}
			return errors.Join(build(ctx, p, r, h, files, run, fmt.Sprint(i), generation, temporary.Dir), r.Close())
		})
	}
	err = group.Wait()
	return errors.Join(err, h.FinishRun(ctx, run, history.Done, ""), h.Close(), files.Close(), temporary.Close())
}

// build makes and publishes one image. What is common to all of a generation is made once.
func build(ctx context.Context, p place, r *engine.Runner, h *history.History, files *store.Store, run, name, generation, tmp string) error {
	id, err := h.StartBuild(ctx, run, history.Build{Image: history.Image{Distro: "soak", Image: name, Arch: "x86_64"}})
	if err != nil {
		return err
	}
	fetched, err := engine.Do(ctx, r, fetchStep(files), fetchInput{Path: p.source(generation)})
	if err != nil {
		return err
	}
	common, err := engine.Do(ctx, r, copyStep("common", tmp), copyInput{From: fetched.File.Path, Digest: fetched.File.Digest})
	if err != nil {
		return err
	}
	made, err := engine.Do(ctx, r, copyStep("image", tmp), copyInput{From: common.File.Path, Digest: common.File.Digest, Name: name})
	if err != nil {
		return err
	}
	item := publish.Item{
		Image: artifact.Image{File: made.File, Format: "qcow2", Arch: "x86_64"},
		Subject: publish.Subject{
			Kind: publish.Cloud, Form: publish.Wiki, Distro: "Soak", Release: "9", Version: "9.6", Image: "Image" + name, Arch: "x86_64", Format: "qcow2",
		},
		Report: &verify.Report{Image: verify.Subject{File: "image", Digest: made.File.Digest}, Passed: true},
	}
	if _, err := publish.Tree(p.tree()).Publish(ctx, []publish.Item{item}, publish.Options{Date: "20260101", Latest: true}); err != nil {
		return err
	}
	return h.FinishBuild(ctx, id, history.Outcome{State: history.Done})
}

type made struct{ File artifact.File }

// Files is the one that was made.
func (m made) Files() []artifact.File { return []artifact.File{m.File} }

type fetchInput struct{ Path string }

func fetchStep(files *store.Store) engine.Step[fetchInput, made] {
	return engine.Step[fetchInput, made]{Name: "fetch", Run: func(ctx context.Context, in fetchInput, env engine.Env) (made, error) {
		sum, size, err := digest.File(in.Path)
		if err != nil {
			return made{}, err
		}
		got, err := files.Fetch(ctx, []store.Request{
			{URLs: []string{"file://" + in.Path}, Digest: sum, Size: size},
			{URLs: []string{"file://" + in.Path}}, // as metadata: its digest is not known before
		}, 2, env.Report)
		if err != nil {
			return made{}, err
		}
		return made{got[0]}, nil
	}}
}

type copyInput struct {
	From   string
	Digest digest.Digest
	Name   string
}

// copyStep copies a file by a program while another one runs beside it, as a machine does, that would go on for minutes.
func copyStep(name, tmp string) engine.Step[copyInput, made] {
	needs := func(copyInput) engine.Needs { return engine.Needs{CPUs: 1} }
	return engine.Step[copyInput, made]{Name: name, Needs: needs, Run: func(ctx context.Context, in copyInput, env engine.Env) (made, error) {
		beside, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- command.Run(beside, command.Cmd{Args: []string{"sleep", "600"}}) }()
		defer func() { stop(); <-ended }()
		dir, err := os.MkdirTemp(tmp, "copy-*")
		if err != nil {
			return made{}, err
		}
		defer os.RemoveAll(dir)
		half, whole := filepath.Join(dir, "half"), filepath.Join(env.Dir, "file")
		script := `cat "$1" >"$2"; echo "$3" >>"$2"; cat "$2" >"$4"`
		if err := command.Run(ctx, command.Cmd{Args: []string{"sh", "-c", script, "sh", in.From, half, in.Name, whole}}); err != nil {
			return made{}, err
		}
		sum, size, err := digest.File(whole)
		return made{artifact.File{Path: whole, Size: size, Digest: sum}}, err
	}}
}
