package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/nevra"
	"github.com/quarry-project/quarry/test/golden"
)

// at is a moment of the builds in these tests.
func at(minute, second int) time.Time { return time.Date(2026, 1, 31, 4, minute, second, 0, time.UTC) }

func inUTC(t *testing.T) {
	was := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = was })
}

func exampleBuild(id string, minute int) history.Build {
	return history.Build{
		ID: id, Run: "0a000001", Image: history.Image{Distro: "rocky", Release: "9", Image: "GenericCloud", Variant: "Base", Arch: "x86_64"},
		Version: "9.6", Plan: "sha256:1111111111112222", Lock: "sha256:3333333333334444", Accel: "kvm", Logs: "/state/logs/x",
		Kickstart: history.Kickstart{Source: "https://example.com/ks.git", Commit: "0123456789abcdef0123456789abcdef01234567", Path: "Rocky-9.ks", Digest: "sha256:aaaaaaaaaaaab"},
		State:     history.Done, Started: at(minute, 0), Finished: at(minute+4, 30),
		Steps: []history.Step{{Name: "tree", State: history.Skipped}, {Name: "disk", State: history.Done, Seconds: 100.25}},
		Artifacts: []history.Artifact{{Format: "qcow2", Path: "/cache/a.qcow2", Size: 600 << 20, Digest: "sha256:5555", Published: []history.Publication{
			{Path: "/out/A.qcow2", Latest: true}, {Path: "/mirror/A.qcow2"}}}},
		Reports: []history.Report{{Digest: "sha256:5555", Passed: true, JSON: []byte(
			`{"image":{"file":"a.qcow2"},"passed":true,"boots":[{"firmware":"bios","accel":"kvm","passed":true,"seconds":20,"login":9,"kernel":"5.14","checks":[{"name":"systemd","passed":true,"detail":"running"}]}]}`)}},
	}
}

func TestShowRun(t *testing.T) {
	inUTC(t)
	failed := exampleBuild("0b000002", 5)
	failed.State, failed.Error, failed.Reports, failed.Artifacts = history.Failed, "disk: the script failed\nwith two lines", nil, nil
	failed.Steps[1].State = history.Failed
	r := history.Run{
		ID: "0a000001", Command: []string{"quarry", "build", "--arch=x86_64"}, Version: "1.0", PID: 77, State: history.Failed, Error: "1 of 2 builds failed",
		Started: at(0, 0), Builds: []history.Build{exampleBuild("0b000001", 0), failed},
	}
	var b bytes.Buffer
	if err := showRun(&b, r, at(10, 0)); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "show.txt", b.String())
}

func TestListBuilds(t *testing.T) {
	inUTC(t)
	running := exampleBuild("0b000002", 5)
	running.State, running.Finished = history.Running, time.Time{}
	var b bytes.Buffer
	if err := listBuilds(&b, []history.Build{running, exampleBuild("0b000001", 0)}, at(6, 1)); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "history.txt", b.String())
}

func TestDiffText(t *testing.T) {
	inUTC(t)
	w := newWork(t)
	ctx := t.Context()
	pkg := func(name, version string) history.Package {
		return history.Package{NEVRA: nevra.NEVRA{Name: name, Epoch: "0", Version: version, Release: "1.el9", Arch: "x86_64"}}
	}
	var ids []string
	for i, packages := range [][]history.Package{
		{pkg("bash", "5.1"), pkg("gone", "1"), pkg("same", "1")}, {pkg("bash", "5.2"), pkg("come", "1"), pkg("same", "1")},
	} {
		b := exampleBuild("", 0)
		b.Kickstart.Commit = strings.Repeat("01"[i:i+1], 40)
		run, err := w.h.StartRun(ctx, nil, "1")
		if err != nil {
			t.Fatal(err)
		}
		id, err := w.h.StartBuild(ctx, run, b)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.h.FinishStep(ctx, id, history.Step{Name: "disk", State: history.Done, Seconds: float64(100 - 10*i)}); err != nil {
			t.Fatal(err)
		}
		files := []history.Artifact{{Format: "qcow2", Size: int64(600+i) << 20, Digest: b.Plan}, {Format: []string{"raw", "vhd"}[i], Size: 5, Digest: "sha256:x"}}
		files[0].Digest = digest.Bytes([]byte{byte(i)})
		o := history.Outcome{State: history.Done, Installed: packages, Locked: packages[:1], Artifacts: files, Lock: "sha256:same"}
		if err := w.h.FinishBuild(ctx, id, o); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	d, err := w.h.Diff(ctx, ids[0][:7], ids[1][:7])
	if err != nil {
		t.Fatal(err)
	}
	text := diffText(d)
	for i, id := range ids { // ids and times are new each time
		text = strings.ReplaceAll(text, id, "BUILD"+"12"[i:i+1])
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, moment(d.From.Started), "TIME"), moment(d.To.Started), "TIME")
	golden.Equal(t, "diff.txt", text)

	var out, errs bytes.Buffer
	if code := run([]string{"diff", ids[0], ids[1], "--json", "--work", w.dir}, &out, &errs); code != exitOK {
		t.Fatal(code, errs.String())
	}
	var got history.Diff
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Packages.Updated) != 1 || got.Compared != "installed" {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestHistoryCommandsRefuse(t *testing.T) {
	w := newWork(t)
	for _, c := range []struct {
		args  string
		code  int
		words string
	}{
		{"show", exitFailed, "nothing was built here yet"},
		{"show 12", exitFailed, `there is no run "12"`},
		{"logs 12", exitFailed, `there is no build "12"`},
		{"diff 12 13", exitFailed, `there is no build "12"`},
		{"history --since yesterday", exitUsage, "write it like 12h"},
		{"history extra", exitUsage, "unknown command"},
		{"diff 12", exitUsage, "accepts 2 arg"},
	} {
		var out, errs bytes.Buffer
		code := run(append(strings.Fields(c.args), "--work", w.dir), &out, &errs)
		if code != c.code || !strings.Contains(errs.String(), c.words) {
			t.Errorf("%s: exit code %d, %s; want %d, %q", c.args, code, errs.String(), c.code, c.words)
		}
	}
	var out bytes.Buffer
	if code := run([]string{"history", "--json", "--work", w.dir}, &out, io.Discard); code != exitOK || strings.TrimSpace(out.String()) != "[]" {
		t.Errorf("an empty history: %d, %q", code, out.String())
	}
}

func TestSince(t *testing.T) {
	now := at(30, 0)
	for text, want := range map[string]time.Time{
		"": {}, "2026-01-30": time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC), "7d": now.AddDate(0, 0, -7), "12h": now.Add(-12 * time.Hour), "90m": now.Add(-90 * time.Minute),
	} {
		if got, err := sinceOr(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"7", "-7d", "7days", "2026-13-01", "-5m", "d"} {
		if got, err := sinceOr(text, now); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

func TestLogsAreFollowedToTheEnd(t *testing.T) {
	w := newWork(t)
	ctx := t.Context()
	logs := t.TempDir()
	file, err := os.Create(filepath.Join(logs, logName))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	run, err := w.h.StartRun(ctx, nil, "1")
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.h.StartBuild(ctx, run, history.Build{Logs: logs})
	if err != nil {
		t.Fatal(err)
	}
	say := func(s string) {
		if _, err := file.WriteString(s); err != nil {
			t.Error(err)
		}
	}
	say("first\n")
	var once bytes.Buffer
	if err := printLog(ctx, &once, w.h, id, false); err != nil || once.String() != "first\n" {
		t.Errorf("without follow: %q, %v", once.String(), err)
	}
	from, to := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := printLog(ctx, to, w.h, id, true)
		to.Close()
		ended <- err
	}()
	read := func(want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(from, got); err != nil || string(got) != want {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
	read("first\n")
	say("second\n")
	read("second\n")
	say("last\n")
	if err := w.h.FinishBuild(ctx, id, history.Outcome{State: history.Done}); err != nil {
		t.Fatal(err)
	}
	read("last\n")
	if rest, err := io.ReadAll(from); err != nil || len(rest) != 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if id, err = w.h.StartBuild(ctx, run, history.Build{Logs: logs}); err != nil {
		t.Fatal(err)
	}
	if err := printLog(stopped, io.Discard, w.h, id, true); err == nil {
		t.Error("following went on after its context")
	}
	if err := os.Remove(file.Name()); err != nil {
		t.Fatal(err)
	}
	if err := printLog(ctx, io.Discard, w.h, id, false); err == nil || !strings.Contains(err.Error(), "quarry gc") {
		t.Errorf("removed logs: %v", err)
	}
}
