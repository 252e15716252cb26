package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/forge"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/source"
	"github.com/quarry-project/quarry/internal/watch"
	"github.com/quarry-project/quarry/kickstarts"
	"github.com/quarry-project/quarry/pipelines"
)

// errNews ends a look that found images that are touched; which, has been printed.
var errNews = errors.New("new commits touch images")

// watchFlags are quarry watch's own.
type watchFlags struct {
	distro, release, kickstarts, pipelines, work, via string
	since, interval, patience                         time.Duration
	names, json, verbose                              bool
}

func newWatch() *cobra.Command {
	var w watchFlags
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Tell which images the new kickstart commits touch",
		Long: `Watch looks at the branches of the kickstart repositories and prints the commits that are new since the last time, and the images
whose kickstart, or a file that it includes, they change. What was seen is remembered in Quarry's state folder once it has been printed; the
first look only remembers. It builds nothing.

Exit codes: 0 nothing that touches an image, 10 an image is touched, 1 nothing is known of some branch and no image of the others is touched.

A repository on github.com is asked by GitHub's API, with the token in QUARRY_GITHUB_TOKEN or GITHUB_TOKEN if there is one, and by git where
that fails.`,
		Example: `  quarry watch
  quarry watch --distro rocky --release 9 --json
  quarry watch --names
  quarry watch --since 24h
  quarry watch --interval 15m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&w.distro, "distro", "", "only this distribution")
	f.StringVar(&w.release, "release", "", "only this release")
	f.StringVar(&w.kickstarts, "kickstarts", "", "watch this `PATH|URL` instead of the repositories of the pipelines")
	f.StringVar(&w.pipelines, "pipelines", "", "pipelines from this `DIR` instead of the built-in ones")
	f.StringVar(&w.work, "work", "", "keep everything under `DIR` instead of the XDG folders")
	f.StringVar(&w.via, "via", "auto", "github (its API), git, or auto: the API, and git where that fails")
	f.DurationVar(&w.since, "since", 0, "compare with what was there so long ago, such as 24h, instead of with the last look")
	f.DurationVar(&w.interval, "interval", 0, "look again after this time, until Ctrl-C")
	f.DurationVar(&w.patience, "patience", 0, "wait so long for GitHub's rate limit to be lifted (default: don't)")
	f.BoolVar(&w.names, "names", false, "print only the names of the images that are touched, one a line")
	f.BoolVar(&w.json, "json", false, "write JSON for machines")
	f.BoolVarP(&w.verbose, "verbose", "v", false, "say what is asked")
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("via", cobra.FixedCompletions([]string{"auto", "github", "git"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (w *watchFlags) run(cmd *cobra.Command) error {
	dirs, err := newFolders(w.work)
	if err != nil {
		return err
	}
	branches, err := w.branches()
	if err != nil {
		return err
	}
	watcher, err := w.watcher(dirs, lines(cmd.ErrOrStderr(), w.verbose))
	if err != nil {
		return err
	}
	path := filepath.Join(dirs.state, "watch.json")
	err = w.look(cmd, watcher, branches, path)
	for w.interval > 0 {
		if ctx := cmd.Context(); ctx.Err() == nil && err != nil && !errors.Is(err, errNews) {
			fmt.Fprintln(cmd.ErrOrStderr(), "quarry:", err)
		}
		select {
		case <-cmd.Context().Done():
			return nil // Ctrl-C is how the loop ends
		case <-time.After(w.interval):
			err = w.look(cmd, watcher, branches, path)
		}
	}
	return err
}

func (w *watchFlags) watcher(dirs folders, report progress.Func) (watch.Watcher, error) {
	watcher := watch.Watcher{CacheDir: dirs.cache, Only: w.via == "github", Report: report}
	switch w.via {
	case "auto", "github":
		o := forge.Environment(os.Getenv)
		o.Patience, o.Report = w.patience, report
		client, err := forge.New(o)
		if err != nil {
			return watcher, usageError{err}
		}
		watcher.GitHub = client
	case "git":
	default:
		return watcher, usageError{fmt.Errorf("--via %q: want auto, github or git", w.via)}
	}
	return watcher, nil
}

// branches lists what the pipelines' kickstarts come from.
func (w *watchFlags) branches() ([]watch.Branch, error) {
	if w.kickstarts != "" && w.distro == "" {
		return nil, usageError{errors.New("whose kickstarts are these? say --distro")}
	}
	var files fs.FS = pipelines.Files
	if w.pipelines != "" {
		files = os.DirFS(w.pipelines)
	}
	catalog, err := plan.Load(files)
	if err != nil {
		return nil, err
	}
	sources, err := source.LoadCatalog(kickstarts.Files)
	if err != nil {
		return nil, err
	}
	var all []watch.Branch
	places := map[string]int{}
	for _, p := range catalog.Pipelines() {
		if p.Source == source.OwnName || !same(w.distro, p.Distro()) || !same(w.release, p.Release()) {
			continue
		}
		b := watch.Branch{Override: w.kickstarts}
		if b.Source, b.Branch, err = sources.Find(p.Source, p.Release()); err != nil {
			return nil, fmt.Errorf("%s: %w", p.File, err)
		}
		version, err := kickstart.ParseVersion(p.Release())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.File, err)
		}
		at, ok := places[b.Key()]
		if !ok {
			at = len(all)
			places[b.Key()] = at
			all = append(all, b)
		}
		all[at].Images = append(all[at].Images, watchedImages(p, version)...)
	}
	if len(all) == 0 {
		return nil, usageError{errors.New("no image is like that: quarry images lists them all")}
	}
	return all, nil
}

// watchedImages are a pipeline's image, once for each kickstart that it has.
func watchedImages(p plan.Pipeline, version kickstart.Version) (all []watch.Image) {
	name := p.Outline(plan.Request{Release: p.Release()}).Name()
	for _, a := range p.Architectures() {
		path := p.Kickstart(a)
		i := slices.IndexFunc(all, func(image watch.Image) bool { return image.Kickstart == path })
		if i < 0 {
			i, all = len(all), append(all, watch.Image{Name: name, Kickstart: path, Version: version})
		}
		all[i].Architectures = append(all[i].Architectures, a)
	}
	return all
}

// same compares a filter, of which nothing means all.
func same(want, have string) bool { return want == "" || strings.EqualFold(want, have) }

// watched is one look, for machines.
type watched struct {
	Time     time.Time      `json:"time"` // UTC
	Branches []watch.Change `json:"branches"`
	Images   []string       `json:"images"` // that are touched, of all branches
}

// look looks once. What was seen is remembered only when it has been told.
func (w *watchFlags) look(cmd *cobra.Command, watcher watch.Watcher, branches []watch.Branch, path string) error {
	ctx := cmd.Context()
	state, err := watch.OpenState(ctx, path)
	if err != nil {
		return err
	}
	defer state.Close()
	seen := watched{Time: time.Now().UTC().Truncate(time.Second), Images: []string{}}
	if w.since > 0 {
		watcher.Since = time.Now().Add(-w.since)
	}
	var failures []error
	for _, b := range branches {
		c, err := watcher.Look(ctx, b, state.Commits[b.Key()])
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			failures = append(failures, err)
			seen.Branches = append(seen.Branches, watch.Change{Source: c.Source, Branch: c.Branch, Error: err.Error()})
			continue
		}
		state.Commits[b.Key()] = c.To
		seen.Branches = append(seen.Branches, c)
		for _, image := range c.Images {
			if !slices.Contains(seen.Images, image.Name) {
				seen.Images = append(seen.Images, image.Name)
			}
		}
	}
	if err := w.print(cmd.OutOrStdout(), seen); err != nil {
		return err
	}
	if err := state.Save(); err != nil {
		return fmt.Errorf("remembering what was seen: %w", err)
	}
	if len(seen.Images) == 0 {
		return errors.Join(failures...)
	}
	for _, failure := range failures {
		fmt.Fprintln(cmd.ErrOrStderr(), "quarry:", failure)
	}
	return &reportedError{errNews}
}

func (w *watchFlags) print(out io.Writer, seen watched) error {
	if w.json {
		return printJSON(out, seen)
	}
	var b strings.Builder
	for _, c := range seen.Branches {
		if !w.names {
			printChange(&b, c)
		}
	}
	for _, name := range seen.Images {
		if w.names {
			fmt.Fprintln(&b, name)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// maxCommits are shown of a branch; JSON has them all.
const maxCommits = 20

// printChange shows a branch. What commits say was written by others.
func printChange(b *strings.Builder, c watch.Change) {
	title := c.Source + " " + c.Branch
	switch {
	case c.Error != "": // the error itself is told at the end
		fmt.Fprintf(b, "%s: unknown\n", title)
		return
	case c.First:
		fmt.Fprintf(b, "%s: watched from %.12s on\n", title, c.To)
		return
	case c.From == c.To:
		fmt.Fprintf(b, "%s: nothing new since %.12s\n", title, c.To)
		return
	}
	fmt.Fprintf(b, "%s: %d new commits, %.12s to %.12s, by %s\n", title, len(c.Commits), c.From, c.To, c.Via)
	if c.Rewritten {
		fmt.Fprintln(b, "  the branch was rewritten")
	}
	for i, one := range c.Commits {
		if i == maxCommits {
			fmt.Fprintf(b, "  and %d more\n", len(c.Commits)-i)
			break
		}
		fmt.Fprintf(b, "  %.12s %s %s: %s\n", one.ID, one.Time.Format(time.DateOnly), wire.Clean(one.Author), wire.Clean(one.Subject))
	}
	for _, image := range c.Images {
		note := ""
		if !image.Changed {
			note = ", the same with its includes resolved"
		}
		files := strings.Join(image.Files, ", ")
		if files == "" {
			files = "what has changed is not known"
		}
		fmt.Fprintf(b, "  touches %s (%s%s)\n", image.Name, wire.Clean(files), note)
	}
	if len(c.Images) == 0 {
		fmt.Fprintln(b, "  touches no image")
	}
}
