package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/builders/disk"
	"github.com/quarry-project/quarry/builders/live"
	"github.com/quarry-project/quarry/builders/pi"
	"github.com/quarry-project/quarry/builders/rootfs"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/scratch"
	"github.com/quarry-project/quarry/internal/store"
	"github.com/quarry-project/quarry/internal/ui"
)

// builderTable holds the builders by the names that pipelines call them by.
func builderTable() map[string]builders.Builder {
	return map[string]builders.Builder{"disk": disk.Builder{}, "pi": pi.Builder{}, "rootfs": rootfs.Builder{}, "live": live.Builder{}}
}

// session is what the builds of one command share: the folders, the store, the host.
type session struct {
	making
	dirs      folders
	view      ui.View
	ledger    *ledger // of the run in the history
	store     *store.Store
	limits    engine.Limits
	resources *engine.Resources
	states    *builders.States
	builders  map[string]builders.Builder
	agent     func(arch.Arch) (builders.Agent, error)
	fresh     string // see engine.Runner
	scratch   *scratch.Folder
	restore   func() // the environment
}

func newSession(ctx context.Context, m making, dirs folders, view ui.View) (*session, error) {
	files, err := store.Open(dirs.store())
	if err != nil {
		return nil, err
	}
	l := limits(m, dirs.cache)
	s := &session{
		making: m, dirs: dirs, view: view, store: files, limits: l, resources: engine.NewResources(l), states: &builders.States{},
		builders: builderTable(), agent: agentIn(dirs.agents()),
	}
	if err := s.clean(ctx); err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return s, nil
}

// close lets quarry gc have the store, and removes temporary files. There is nothing to be done about its errors: the process's end lets go of
// the store as well, and the next session removes what is left.
func (s *session) close() {
	_ = s.store.Close()
	s.restore()
	_ = s.scratch.Close()
}

// clean removes what killed runs have left, and gives this one a folder for temporary files that the next would remove if it were killed, too.
func (s *session) clean(ctx context.Context) error {
	left, err := engine.Sweep(ctx, s.dirs.steps(), install.Remove)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		s.view.Show(progress.Event{Kind: progress.Log, Message: fmt.Sprintf("removed %d unfinished results of runs that were cut off", len(left))})
	}
	if s.scratch, err = scratch.Open(filepath.Join(s.dirs.cache, "tmp")); err != nil {
		return err
	}
	// Everybody who makes a temporary file asks the environment where, the programs that are started too.
	before, was := os.LookupEnv(tmpdir)
	s.restore = func() {
		if was {
			_ = os.Setenv(tmpdir, before)
		} else {
			_ = os.Unsetenv(tmpdir)
		}
	}
	return os.Setenv(tmpdir, s.scratch.Dir)
}

const tmpdir = "TMPDIR"

// setup wires the rooms together for one build. A nil lock has the dependencies solved.
func (s *session) setup(record *recorder, lock *resolve.Lock, order int) builders.Setup {
	return builders.Setup{
		Runner: &engine.Runner{
			Dir: s.dirs.steps(), LogDir: record.dir, Report: record.report,
			Remove: install.Remove, OnDone: record.step, Resources: s.resources, Order: order, Fresh: s.fresh,
		},
		Store:     s.store,
		CacheDir:  s.dirs.cache,
		Builders:  s.builders,
		Agent:     s.agent,
		Accel:     s.accel,
		Packages:  s.packages,
		Deadlines: install.Deadlines(s.silence, s.total),
		Lock:      lock,
		States:    s.states,
		NoVerify:  s.noVerify,
		Publish:   destinations(s.publish, s.date, !s.noLatest),
	}
}

// job is one build of a session.
type job struct {
	plan  plan.Plan
	lock  *resolve.Lock // nil solves
	order int           // its place among the session's builds
	name  string        // tells its events from those of others; empty where there are none
	// needed decides whether to build, once it is known what of; nil builds always.
	needed func(context.Context, builders.Inputs, resolve.Lock) error
}

// build does a job. What became of it is in the recorder, which is nil only where the build could not begin.
func (s *session) build(ctx context.Context, j job) (*recorder, error) {
	record, err := newRecorder(ctx, s.dirs, s.ledger, j.plan, s.view)
	if err != nil {
		return nil, err
	}
	defer record.close()
	record.name = j.name
	setup := s.setup(record, j.lock, j.order)
	setup.Needed = j.needed
	defer setup.Runner.Close()
	start := time.Now()
	s.told.began(ctx, j.plan, record.report)
	err = record.build(ctx, setup, j.plan)
	return record, errors.Join(err, s.told.ended(ctx, j.plan, record.outcome, time.Since(start), err, record.report))
}
