package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/builders/disk"
	"github.com/quarry-project/quarry/builders/rootfs"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/store"
	"github.com/quarry-project/quarry/internal/vm"
)

// buildFlags are quarry build's own flags.
type buildFlags struct {
	target
	publish  []string
	lock     string
	accel    string
	packages string
	date     string
	noLatest bool
	noVerify bool
	silence  time.Duration
	total    time.Duration
}

func newBuild() *cobra.Command {
	var b buildFlags
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build an image, boot it, and publish it",
		Long: `Build goes the whole way: plan, lock, fetch, install, package, boot, publish. Steps whose inputs have not changed are not run again, and
a build that was stopped goes on where it was. An image that does not pass its boots is never published as latest.`,
		Example: `  quarry build --release 9 --image GenericCloud --publish out
  quarry build --image GenericCloud --lock rocky9.lock.json --publish out
  quarry build --image GenericCloud --kickstarts ~/kickstarts --no-latest --publish out`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd) },
	}
	b.register(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&b.publish, "publish", nil, publishUsage)
	f.StringVar(&b.lock, "lock", "", "build from this Lock `FILE` instead of solving")
	f.StringVar(&b.accel, "accel", "auto", "kvm, tcg (emulation), or auto: try KVM and fall back")
	f.StringVar(&b.packages, "packages", "auto", "where packages are installed: sandbox, machine, or auto")
	f.StringVar(&b.date, "date", "", "date in the published names, `YYYYMMDD` (default: today in UTC)")
	f.BoolVar(&b.noLatest, "no-latest", false, "publish, but leave the latest links where they are")
	f.BoolVar(&b.noVerify, "no-verify", false, "don't boot the image; it can't become latest then")
	f.DurationVar(&b.silence, "silence", 0, "give up on a build machine that says nothing for so long (default 10m)")
	f.DurationVar(&b.total, "deadline", 0, "give up on a build machine that takes longer than this (default 3h)")
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("accel", cobra.FixedCompletions([]string{"auto", "kvm", "tcg"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("packages", cobra.FixedCompletions([]string{"auto", "sandbox", "machine"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (b *buildFlags) run(cmd *cobra.Command) error {
	start := time.Now()
	accel, err := vm.ParseAccel(b.accel)
	if err != nil {
		return usageError{err}
	}
	method, err := install.ParseMethod(b.packages)
	if err != nil {
		return usageError{err}
	}
	date, err := dateOr(b.date, start)
	if err != nil {
		return usageError{err}
	}
	dirs, err := newFolders(b.work)
	if err != nil {
		return err
	}
	var lock *resolve.Lock
	if b.lock != "" {
		l, err := resolve.Load(b.lock)
		if err != nil {
			return err
		}
		lock = &l
	}
	out := cmd.OutOrStdout()
	view := newView(cmd.ErrOrStderr(), b.json, b.verbose)
	p, err := b.plan(cmd.Context(), dirs, lock, view.Show)
	if err != nil {
		view.Close()
		return err
	}
	ledger, err := openLedger(cmd, dirs)
	if err != nil {
		view.Close()
		return err
	}
	record, err := newRecorder(cmd.Context(), dirs, ledger, p, view)
	if err != nil {
		view.Close()
		return errors.Join(err, ledger.close(cmd.Context(), err))
	}
	defer record.close()
	setup, err := b.setup(dirs, record, method, accel)
	if err == nil {
		setup.Lock, setup.NoVerify = lock, b.noVerify
		setup.Publish = destinations(b.publish, date, !b.noLatest)
		err = record.build(cmd.Context(), setup, p)
	}
	err = errors.Join(err, ledger.close(cmd.Context(), err))
	view.Close()
	if b.json {
		return errors.Join(err, printJSON(out, record.result(err)))
	}
	if err != nil {
		for _, d := range record.outcome.Published { // one that failed does not hide the others
			destination(out, d)
		}
		explain(cmd.ErrOrStderr(), err, record.dir)
		return &reportedError{err}
	}
	return summary(out, record.outcome, record.steps, time.Since(start))
}

// setup wires the rooms together.
func (b *buildFlags) setup(dirs folders, record *recorder, method install.Method, accel vm.Accel) (builders.Setup, error) {
	files, err := store.Open(filepath.Join(dirs.cache, "store"))
	if err != nil {
		return builders.Setup{}, err
	}
	return builders.Setup{
		Runner: &engine.Runner{
			Dir: filepath.Join(dirs.cache, "steps"), LogDir: record.dir, Report: record.report,
			Remove: install.Remove, OnDone: record.step,
		},
		Store:     files,
		CacheDir:  dirs.cache,
		Builders:  map[string]builders.Builder{"disk": disk.Builder{}, "rootfs": rootfs.Builder{}},
		Agent:     agentIn(filepath.Join(dirs.cache, "agents")),
		Accel:     accel,
		Packages:  method,
		Deadlines: install.Deadlines(b.silence, b.total),
	}, nil
}

// dateOr checks a date, or takes the day of now.
func dateOr(date string, now time.Time) (string, error) {
	const form = "20060102"
	if date == "" {
		return now.UTC().Format(form), nil
	}
	if _, err := time.Parse(form, date); err != nil {
		return "", fmt.Errorf("--date %q is no day: write it as YYYYMMDD", date)
	}
	return date, nil
}

// build runs the build and keeps what it came to, whether it failed or not.
func (r *recorder) build(ctx context.Context, setup builders.Setup, p plan.Plan) error {
	r.report(progress.Event{Kind: progress.Log, Message: "building " + p.Name() + " (" + r.id + "); logs in " + r.dir})
	outcome, err := setup.Build(ctx, p)
	// The digest stands for the kickstart's text, which may hold passwords: records and logs are kept.
	outcome.Plan.Kickstart.Text = ""
	r.outcome = outcome
	if err != nil {
		r.log.Error(err)
	}
	var step *engine.StepError
	if errors.As(err, &step) {
		r.failed(step)
	}
	r.keep(func(keep context.Context) error {
		out, herr := outcomeOf(ctx, outcome, r.steps, err)
		return errors.Join(herr, r.ledger.history.FinishBuild(keep, r.id, out))
	})
	return errors.Join(err, r.save(err))
}
