package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/progress"
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
