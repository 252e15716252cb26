package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/test/shared"
)

// nowhere is a mirror that holds nothing: builds get as far as asking it.
func nowhere(t *testing.T) []string {
	return []string{"--distro", "pebble", "--mirror", "file://" + t.TempDir(), "--work", t.TempDir()}
}

func TestSeveralArchitecturesGoOnPastFailures(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(append([]string{"build", "--arch", "x86_64, aarch64,s390x"}, nowhere(t)...), &stdout, &stderr)
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
	for _, arch := range []string{"x86_64", "aarch64", "s390x"} {
		if !strings.Contains(stderr.String(), "pebble-9-GenericCloud-Base-"+arch) {
			t.Errorf("no line of %s:\n%s", arch, stderr.String())
		}
	}
	if n := strings.Count(stdout.String(), "FAILED"); n != 3 || !strings.Contains(stdout.String(), "3 failed in") {
		t.Errorf("the table:\n%s", stdout.String())
	}
	if strings.Contains(stderr.String(), "quarry: ") {
		t.Errorf("the error is told twice:\n%s", stderr.String())
	}
}

func TestSeveralArchitecturesAsJSON(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(append([]string{"build", "--json", "--arch", "x86_64,aarch64"}, nowhere(t)...), &stdout, &stderr); code != exitFailed {
		t.Errorf("exit %d", code)
	}
	var report matrix.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil || len(report.Builds) != 2 {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	for _, b := range report.Builds {
		if b.State != matrix.Failed || b.Error == "" || b.Logs == "" {
			t.Errorf("%+v", b)
		}
		if _, err := os.Stat(filepath.Join(b.Logs, "build.json")); err != nil {
			t.Error(err)
		}
	}
	seen := map[string]bool{}
	for line := range strings.Lines(stderr.String()) {
		var e progress.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		seen[e.Build] = true
	}
	if !seen["pebble-9-GenericCloud-Base-x86_64"] || !seen["pebble-9-GenericCloud-Base-aarch64"] {
		t.Errorf("events of %v only", seen)
	}
}

// Ctrl-C ends all of them, with a table that says so.
func TestCtrlCStopsASet(t *testing.T) {
	for _, a := range arch.All()[:2] {
		if _, err := agentOf(agentFiles, a); err != nil {
			shared.Missing(t, "%v", err)
		}
	}
	asked := make(chan struct{}, 100)
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-done
	}))
	defer server.Close()
	defer close(done)
	go func() {
		<-asked
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
	}()
	var stdout, stderr bytes.Buffer
	code := run([]string{"build", "--distro", "pebble", "--mirror", server.URL, "--work", t.TempDir(), "--arch", "x86_64,aarch64"}, &stdout, &stderr)
	if code != exitInterrupted || strings.Count(stdout.String(), "INTERRUPTED") != 2 {
		t.Errorf("exit %d\n%s%s", code, stdout.String(), stderr.String())
	}
}

func TestBadSetsAreUsage(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "a.lock")
	for _, c := range []struct{ args, says string }{
		{"--arch x86_64,vax", "vax"},
		{"--arch x86_64,x86_64", "twice"},
		{"--arch x86_64,aarch64 --lock " + lock, "one architecture"},
		{"--memory lots", "lots"},
		{"--cpus -1", "-1"},
	} {
		var stdout, stderr bytes.Buffer
		args := append(append([]string{"build"}, nowhere(t)...), strings.Fields(c.args)...)
		if code := run(args, &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%s: exit %d\n%s", c.args, code, stderr.String())
		}
	}
}

func TestExitCodeOfASet(t *testing.T) {
	for want, states := range map[int][]matrix.State{
		exitVerify: {matrix.Built, matrix.Refused, matrix.Unchanged},
		exitFailed: {matrix.Refused, matrix.Failed},
	} {
		var r matrix.Report
		for _, s := range states {
			r.Builds = append(r.Builds, matrix.Result{State: s})
		}
		if got := exitCode(t.Context(), errors.Join(&reportedError{&setError{r}})); got != want {
			t.Errorf("%v: exit %d, want %d", states, got, want)
		}
	}
}
