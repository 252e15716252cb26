package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/gc"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/store"
)

// work is a folder as builds leave it: real results of steps, a real store, a real history.
type work struct {
	t    *testing.T
	dir  string
	dirs folders
	h    *history.History
}

func newWork(t *testing.T) *work {
	dir := t.TempDir()
	dirs, err := newFolders(dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHistory(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return &work{t: t, dir: dir, dirs: dirs, h: h}
}

// made is what a build left.
type made struct {
	download, fetched, image, logs string
	close                          func()
}

type fileResult struct{ F []artifact.File }

func (r fileResult) Files() []artifact.File { return r.F }

// build does as a build does: it downloads a file that is its own, has a step that needs the file and one that makes an image. age is how long ago.
func (w *work) build(name string, age time.Duration, publications ...history.Publication) made {
	t, ctx := w.t, w.t.Context()
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := store.Open(w.dirs.store())
	must(err)
	download, err := files.Put(ctx, strings.NewReader("download of "+name))
	must(err)
	logs, err := w.dirs.logDir(name, time.Now())
	must(err)
	must(os.WriteFile(filepath.Join(logs, "quarry.log"), []byte("log"), 0o644))
	run, err := w.h.StartRun(ctx, []string{"quarry", "build"}, "1")
	must(err)
	build, err := w.h.StartBuild(ctx, run, history.Build{Image: history.Image{Image: name}, Logs: logs})
	must(err)
	runner := &engine.Runner{Dir: w.dirs.steps(), OnDone: func(r engine.Record) {
		must(w.h.FinishStep(ctx, build, history.Step{Name: r.Step, State: history.Done, Dir: r.Dir}))
	}}
	_, err = engine.Do(ctx, runner, engine.Step[string, fileResult]{Name: "fetch", Run: func(context.Context, string, engine.Env) (fileResult, error) {
		return fileResult{[]artifact.File{download}}, nil
	}}, name)
	must(err)
	image, err := engine.Do(ctx, runner, engine.Step[string, fileResult]{Name: "package", Run: func(_ context.Context, _ string, env engine.Env) (fileResult, error) {
		path := filepath.Join(env.Dir, "image")
		return fileResult{[]artifact.File{{Path: path, Size: 1 << 20}}}, os.WriteFile(path, make([]byte, 1<<20), 0o644)
	}}, name)
	must(err)
	must(w.h.FinishBuild(ctx, build, history.Outcome{State: history.Done, Artifacts: []history.Artifact{{Digest: "sha256:" + "x", Published: publications}}}))
	must(w.h.FinishRun(ctx, run, history.Done, ""))
	m := made{download: download.Path, image: image.F[0].Path, logs: logs}
	at := time.Now().Add(-age)
	results, err := filepath.Glob(filepath.Join(w.dirs.steps(), "*", ".result.json"))
	must(err)
	for _, path := range results {
		data, err := os.ReadFile(path)
		must(err)
		if bytes.Contains(data, []byte(download.Path)) || path == filepath.Join(filepath.Dir(m.image), ".result.json") {
			must(os.Chtimes(path, at, at))
		}
		if bytes.Contains(data, []byte(download.Path)) {
			m.fetched = path
		}
	}
	must(os.Chtimes(m.download, at, at))
	m.close = func() {
		if err := errors.Join(runner.Close(), files.Close()); err != nil {
			t.Error(err)
		}
	}
	return m
}

func (w *work) gc(args ...string) gc.Result {
	w.t.Helper()
	var out, errs bytes.Buffer
	if code := run(append([]string{"gc", "--json", "--work", w.dir}, args...), &out, &errs); code != exitOK {
		w.t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var r gc.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *work) check(what string, m made, there bool) {
	w.t.Helper()
	for part, path := range map[string]string{"download": m.download, "result": m.fetched, "image": m.image, "logs": m.logs} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) == there {
			w.t.Errorf("%s: its %s: %v; want it there: %v", what, part, err, there)
		}
	}
}

func TestGCKeepsWhatRunsAndPublishedImagesNeed(t *testing.T) {
	w := newWork(t)
	published := w.build("published", 5*time.Hour, history.Publication{Path: "/out/a", Latest: true})
	old := w.build("old", 4*time.Hour)
	kept := w.build("kept", 3*time.Hour)
	for _, m := range []made{published, old, kept} {
		m.close()
	}
	stray := filepath.Join(w.dirs.steps(), "disk-0123456789ab")
	if err := os.MkdirAll(stray, 0o755); err != nil {
		t.Fatal(err)
	}

	plan := w.gc("--keep-runs", "1", "--dry-run")
	w.check("old, after a dry run", old, true)
	done := w.gc("--keep-runs", "1")
	if plan.Freed != done.Freed || done.Freed < 1<<20 || len(plan.Removed) != len(done.Removed) {
		t.Errorf("a dry run promised %+v; done was %+v", plan, done)
	}
	w.check("published", published, true)
	w.check("old", old, false)
	w.check("kept", kept, true)
	if _, err := os.Stat(stray); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a run left that was cut off: %v", err)
	}
	if again := w.gc("--keep-runs", "1"); len(again.Removed) != 0 {
		t.Errorf("the second time there was something to remove: %+v", again.Removed)
	}
	if b, err := w.h.Builds(t.Context(), history.Filter{}); err != nil || len(b) != 3 {
		t.Errorf("the history: %v, %v", b, err)
	}
}

func TestGCLeavesARunningBuildAlone(t *testing.T) {
	w := newWork(t)
	old := w.build("old", 4*time.Hour)
	old.close()
	running := w.build("running", 3*time.Hour) // what matters here is that it has not closed
	w.gc("--keep-runs", "0")
	w.check("running", made{download: running.download, fetched: running.fetched, image: running.image, logs: w.dir}, true)
	// Results that it doesn't use may go; the store is left alone as a whole.
	if _, err := os.Stat(old.image); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an old result: %v", err)
	}
	if _, err := os.Stat(old.download); err != nil {
		t.Errorf("the store was touched: %v", err)
	}
	running.close()
	w.gc("--keep-runs", "0")
	w.check("running, after its end", running, false)
	w.check("old", old, false)
}

func TestGCStopsAtItsBudget(t *testing.T) {
	w := newWork(t)
	older, newer := w.build("older", 4*time.Hour), w.build("newer", 3*time.Hour)
	older.close()
	newer.close()
	r := w.gc("--keep-runs", "0", "--max-size", "1500KB")
	if r.Size > 1500<<10 || r.Over != 0 {
		t.Errorf("%d bytes are left", r.Size)
	}
	if _, err := os.Stat(older.image); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the older image: %v", err)
	}
	w.check("newer", newer, true)
	if r = w.gc("--keep-runs", "5", "--max-size", "1KB"); r.Over == 0 {
		t.Errorf("a budget that can't be met is not told: %+v", r)
	}
	for _, args := range [][]string{{"--max-size", "much"}, {"--keep-runs", "-1"}} {
		var errs bytes.Buffer
		if code := run(append([]string{"gc", "--work", w.dir}, args...), &errs, &errs); code != exitUsage {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
	}
}
