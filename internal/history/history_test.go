package history

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/nevra"
)

func openTest(t *testing.T, path string) *History {
	t.Helper()
	h, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func newTest(t *testing.T) *History {
	t.Helper()
	// SQLite's addresses give these characters a meaning of their own.
	dir := filepath.Join(t.TempDir(), "a ?b#c%20")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return openTest(t, filepath.Join(dir, FileName))
}

// must is the value of a call that has to succeed: must(call())(t).
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var cloud = Image{"rocky", "9", "GenericCloud", "Base", "x86_64"}

func pkg(name, version string) Package {
	return Package{NEVRA: nevra.NEVRA{Name: name, Epoch: "0", Version: version, Release: "1.el9", Arch: "noarch"}, Size: 7}
}

func start(t *testing.T, h *History, image Image) (run, build string) {
	t.Helper()
	run = must(h.StartRun(t.Context(), []string{"quarry", "build"}, "1"))(t)
	return run, must(h.StartBuild(t.Context(), run, Build{Image: image}))(t)
}

func TestARunAsItWasWritten(t *testing.T) {
	ctx, h := t.Context(), newTest(t)
	at := time.UnixMilli(1700000000123).UTC()
	h.now = func() time.Time { return at }
	run := must(h.StartRun(ctx, []string{"quarry", "build", "--mirror=https://u:secret@h/x", "https://u:se/cret@h"}, "1.2"))(t)
	want := Build{
		Run: run, Image: cloud, Version: "9.6", Plan: "sha256:p", Inputs: "sha256:i", Logs: "/logs",
		Kickstart: Kickstart{Source: "https://u:secret@h/ks.git", Branch: "r9", Commit: "abc", Path: "a.ks", Digest: "sha256:k"},
	}
	build := must(h.StartBuild(ctx, run, want))(t)
	steps := []Step{{Name: "lock", State: Skipped, Dir: "/d", Finished: at}, {Name: "disk", State: Done, Seconds: 1.5, Finished: at}}
	for _, s := range steps {
		ok(t, h.FinishStep(ctx, build, s))
	}
	outcome := Outcome{
		State: Failed, Error: "no https://u:secret@h/x", Lock: "sha256:l", Treeinfo: "sha256:t", Accel: "tcg",
		Artifacts: []Artifact{{Format: "qcow2", Path: "/i", Size: 5, Digest: "sha256:a"}},
		Reports:   []Report{{Digest: "sha256:a", Passed: true, JSON: []byte(`{"url":"http://u:secret@h/"}`)}},
		Locked:    []Package{pkg("bash", "1")}, Installed: []Package{pkg("bash", "1"), pkg("extra", "2")},
	}
	ok(t, h.FinishBuild(ctx, build, outcome))
	ok(t, h.Published(ctx, build, []Artifact{{Digest: "sha256:a", Published: []Publication{{"/out/i", true}}}}))
	ok(t, h.FinishRun(ctx, run, Failed, "secret of http://u:secret@h/"))

	got := must(h.Run(ctx, run[:5]))(t)
	want.ID, want.State, want.Error, want.Started, want.Finished = build, Failed, "no https://u:xxxxx@h/x", at, at
	want.Lock, want.Treeinfo, want.Accel, want.Steps = "sha256:l", "sha256:t", "tcg", steps
	want.Kickstart.Source = "https://u:xxxxx@h/ks.git"
	want.Artifacts = []Artifact{{Format: "qcow2", Path: "/i", Size: 5, Digest: "sha256:a", Published: []Publication{{"/out/i", true}}}}
	want.Reports = []Report{{Digest: "sha256:a", Passed: true, JSON: []byte(`{"url":"http://u:xxxxx@h/"}`)}}
	wantRun := Run{
		ID: run, Command: []string{"quarry", "build", "--mirror=https://u:xxxxx@h/x", "https://xxxxx@h"}, Version: "1.2", PID: os.Getpid(),
		State: Failed, Error: "secret of http://u:xxxxx@h/", Started: at, Finished: at, Builds: []Build{want},
	}
	if d := cmp.Diff(wantRun, got); d != "" {
		t.Errorf("the run differs (-want +got):\n%s", d)
	}
	if d := cmp.Diff(outcome.Installed, must(h.Packages(ctx, build, Installed))(t)); d != "" {
		t.Error(d)
	}
	by, packages, err := h.PackagesOf(ctx, "sha256:a")
	if d := cmp.Diff(outcome.Installed, packages); err != nil || by != build || d != "" {
		t.Errorf("of the file: %s, %v\n%s", by, err, d)
	}
	if by, packages, err := h.PackagesOf(ctx, "sha256:other"); err != nil || by != "" || packages != nil {
		t.Errorf("of a file of nobody: %s, %v, %v", by, packages, err)
	}
	if d := cmp.Diff(outcome.Locked, must(h.Packages(ctx, build, Locked))(t)); d != "" {
		t.Error(d)
	}
	for _, suffix := range []string{"", "-wal"} {
		var path string
		ok(t, h.db.QueryRow("SELECT file FROM pragma_database_list").Scan(&path))
		info, err := os.Stat(path + suffix)
		ok(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s may be read by others: %v", path+suffix, info.Mode())
		}
		if data := must(os.ReadFile(path + suffix))(t); strings.Contains(string(data), "secret@") {
			t.Errorf("%s holds a password", path+suffix)
		}
	}
}

func TestBuildsAreFiltered(t *testing.T) {
	ctx, h := t.Context(), newTest(t)
	arm := Image{"rocky", "9", "GenericCloud", "Base", "aarch64"}
	ec2 := Image{"rocky", "10", "EC2", "Base", "x86_64"}
	var ids []string
	for i, image := range []Image{cloud, arm, ec2} {
		h.now = func() time.Time { return time.Unix(int64(1000*(i+1)), 0) }
		_, b := start(t, h, image)
		ids = append(ids, b)
	}
	ok(t, h.FinishBuild(ctx, ids[0], Outcome{State: Failed}))
	ok(t, h.FinishBuild(ctx, ids[1], Outcome{State: Done}))
	for name, c := range map[string]struct {
		f    Filter
		want []string
	}{
		"all, newest first": {Filter{}, []string{ids[2], ids[1], ids[0]}},
		"image":             {Filter{Image: "GenericCloud"}, []string{ids[1], ids[0]}},
		"glob of the name":  {Filter{Image: "rocky-10-*"}, []string{ids[2]}},
		"arch":              {Filter{Arch: "aarch64"}, []string{ids[1]}},
		"since":             {Filter{Since: time.Unix(2000, 0)}, []string{ids[2], ids[1]}},
		"failed":            {Filter{Failed: true}, []string{ids[0]}},
		"limit":             {Filter{Limit: 1}, []string{ids[2]}},
		"none":              {Filter{Image: "x'; DROP TABLE runs"}, nil},
	} {
		var got []string
		for _, b := range must(h.Builds(ctx, c.f))(t) {
			got = append(got, b.ID)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestIDs(t *testing.T) {
	ctx, h := t.Context(), newTest(t)
	run, build := start(t, h, cloud)
	for _, id := range []string{"abcdef01", "abcdef02"} {
		_, err := h.db.Exec(`INSERT INTO builds (id, run, distro, release, image, variant, arch, state, started) VALUES (?, ?, '', '', '', '', '', 'done', 0)`, id, run)
		ok(t, err)
	}
	if b := must(h.Build(ctx, build[:7]))(t); b.ID != build {
		t.Errorf("%s is %s", build[:7], b.ID)
	}
	if b := must(h.Build(ctx, "abcdef01"))(t); b.ID != "abcdef01" {
		t.Errorf("got %s", b.ID)
	}
	for id, words := range map[string]string{
		"abcd": "several builds begin with \"abcd\": abcdef01, abcdef02", "": "there is no build", "*": "there is no build", "0123456789": "there is no build",
	} {
		_, err := h.Build(ctx, id)
		if !errors.As(err, new(*IDError)) || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v; want %q", id, err, words)
		}
	}
}

func TestComparePackages(t *testing.T) {
	arch := func(p Package, arch string) Package { p.Arch = arch; return p }
	from := []Package{pkg("same", "1"), pkg("up", "1"), pkg("gone", "1"), pkg("kernel", "1"), pkg("kernel", "2"), arch(pkg("lib", "1"), "i686")}
	to := []Package{pkg("same", "1"), pkg("up", "2"), pkg("come", "1"), pkg("kernel", "2"), pkg("kernel", "3"), arch(pkg("lib", "1"), "x86_64")}
	want := PackageChanges{
		Added:   []Package{pkg("come", "1"), arch(pkg("lib", "1"), "x86_64")},
		Removed: []Package{pkg("gone", "1"), arch(pkg("lib", "1"), "i686")},
		Updated: []Updated{{pkg("kernel", "1"), pkg("kernel", "3")}, {pkg("up", "1"), pkg("up", "2")}},
	}
	if d := cmp.Diff(want, ComparePackages(from, to)); d != "" {
		t.Error(d)
	}
	if !ComparePackages(from, from).Empty() || ComparePackages(from, to).Empty() {
		t.Error("empty is wrong")
	}
}

func TestEstimates(t *testing.T) {
	ctx, h := t.Context(), newTest(t)
	if _, found, err := h.LastPublished(ctx, cloud); found || err != nil {
		t.Fatal(found, err)
	}
	var ids []string
	for i := range 12 { // the first two are forgotten
		h.now = func() time.Time { return time.Unix(int64(i), 0) }
		_, b := start(t, h, cloud)
		ids = append(ids, b)
		seconds := 10.0
		if i < 2 {
			seconds = 1000
		}
		ok(t, h.FinishStep(ctx, b, Step{Name: "disk", State: Done, Seconds: seconds}))
		ok(t, h.FinishStep(ctx, b, Step{Name: "package", State: Done, Seconds: 2}))
		ok(t, h.FinishStep(ctx, b, Step{Name: "package", State: Done, Seconds: 3}))
		ok(t, h.FinishStep(ctx, b, Step{Name: "tree", State: Skipped}))
		a := Artifact{Format: "qcow2", Size: int64(seconds), Digest: "sha256:x"}
		if i == 5 {
			a.Published = []Publication{{"/out/x", false}}
		}
		ok(t, h.FinishBuild(ctx, b, Outcome{State: Done, Artifacts: []Artifact{a}}))
	}
	wantSteps := []StepEstimate{{"disk", 10, 10}, {"package", 5, 10}}
	for _, image := range []Image{cloud, {Image: "GenericCloud"}, {}} {
		if d := cmp.Diff(wantSteps, must(h.StepSeconds(ctx, image))(t)); d != "" {
			t.Errorf("%v: %s", image, d)
		}
	}
	if d := cmp.Diff([]SizeEstimate{{"qcow2", 10, 10}}, must(h.Sizes(ctx, cloud))(t)); d != "" {
		t.Error(d)
	}
	if none := must(h.StepSeconds(ctx, Image{Arch: "s390x"}))(t); len(none) != 0 {
		t.Errorf("s390x: %v", none)
	}
	b, found, err := h.LastPublished(ctx, cloud)
	if err != nil || !found || b.ID != ids[5] || len(b.Artifacts) != 1 || len(b.Steps) != 4 {
		t.Errorf("%v, %v, %+v; want build %s with its parts", found, err, b, ids[5])
	}
}

// writer is the environment that makes the test's own program a second process: the path of a history, what to do there.
const writer = "QUARRY_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writer); path != "" {
		if err := write(path); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// write makes runs. With HANG it leaves the last one open and waits for its end.
func write(path string) error {
	ctx := context.Background()
	h, err := Open(ctx, path)
	if err != nil {
		return err
	}
	for range 20 {
		run, err := h.StartRun(ctx, []string{"quarry"}, "1")
		if err != nil {
			return err
		}
		build, err := h.StartBuild(ctx, run, Build{Image: cloud})
		if err != nil {
			return err
		}
		if err := h.FinishStep(ctx, build, Step{Name: "disk", State: Done, Seconds: 1}); err != nil {
			return err
		}
		if os.Getenv("HANG") != "" {
			os.Stdout.WriteString(run)
			select {}
		}
		if err := errors.Join(h.FinishBuild(ctx, build, Outcome{State: Done, Locked: []Package{pkg("bash", "1")}}), h.FinishRun(ctx, run, Done, "")); err != nil {
			return err
		}
	}
	return h.Close()
}

func second(t *testing.T, path string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, writer+"="+path)...)
	return cmd
}

func TestProcessesWriteAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName) // none has made it yet: they do it at once, too
	const processes = 4
	errs := make(chan error, processes)
	for range processes {
		cmd := second(t, path)
		go func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = errors.New(string(out))
			}
			errs <- err
		}()
	}
	for range processes {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	h := openTest(t, path)
	runs := must(h.Runs(t.Context(), 0))(t)
	if len(runs) != processes*20 {
		t.Errorf("%d runs; want %d", len(runs), processes*20)
	}
	for _, r := range runs {
		full := must(h.Run(t.Context(), r.ID))(t)
		if full.State != Done || len(full.Builds) != 1 || full.Builds[0].State != Done || len(full.Builds[0].Steps) != 1 {
			t.Errorf("not whole: %+v", full)
		}
	}
}

func TestAKilledRunIsInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	h := openTest(t, path)
	cmd := second(t, path, "HANG=1")
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	id := make([]byte, 8)
	if _, err := out.Read(id); err != nil {
		t.Fatal(err)
	}
	state := func() Run { return must(h.Run(t.Context(), string(id)))(t) }
	if r := state(); r.State != Running || r.Builds[0].State != Running || r.PID != cmd.Process.Pid {
		t.Errorf("while it lives: %+v", r)
	}
	ok(t, cmd.Process.Kill())
	_ = cmd.Wait() // the error is that it was killed
	r := state()
	b := r.Builds[0]
	if r.State != Interrupted || b.State != Interrupted || b.Error == "" || !b.Finished.Equal(b.Steps[0].Finished) || r.Finished.IsZero() {
		t.Errorf("after its end: %+v", r)
	}
}

// A number that another process has now, or a host that was booted since.
func TestWhoIsGone(t *testing.T) {
	me := must(self())(t)
	here := must(host())(t)
	for name, c := range map[string]struct {
		change func(*process)
		want   bool
	}{
		"itself":             {func(*process) {}, false},
		"another start":      {func(p *process) { p.born++ }, true},
		"another boot":       {func(p *process) { p.boot = "x" }, true},
		"another container":  {func(p *process) { p.pidns, p.born = "x", 0 }, false},
		"no process at all":  {func(p *process) { p.pid = 1 << 30 }, true},
		"boot and container": {func(p *process) { p.boot, p.pidns = "x", "x" }, true},
	} {
		p := me
		c.change(&p)
		if got := p.gone(here); got != c.want {
			t.Errorf("%s: gone %v", name, got)
		}
	}
}
