// Package e2e holds the tests that build whole images with the real program, as an ordinary user: QEMU, dnf, rpm and git are the host's, the
// distribution is Pebble. `make test` sets them up; by hand they need bin/quarry (make build) and QUARRY_PEBBLE, the path
// of a Pebble tree.
package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/test/shared"
)

// world is what every test here needs.
type world struct {
	program string // bin/quarry
	pebble  string // root of the Pebble tree
	work    string // --work; shared by the tests of a run, so that trees and downloads are
}

// newWorld finds it all, or ends the test as shared.Missing says.
func newWorld(t *testing.T) world {
	t.Helper()
	w := world{pebble: os.Getenv("QUARRY_PEBBLE"), work: os.Getenv("QUARRY_E2E_WORK")}
	if testing.Short() {
		t.Skip("whole builds take minutes; not with -short")
	}
	if os.Geteuid() == 0 {
		shared.Missing(t, "whole builds run as an ordinary user, that is the point: use make test, which drops to one")
	}
	if w.pebble == "" {
		shared.Missing(t, "no Pebble tree: set QUARRY_PEBBLE, or use make test")
	}
	program, err := filepath.Abs("../../bin/quarry")
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		shared.Missing(t, "no program to test, use make build or make test: %v", err)
	}
	w.program = program
	if w.work == "" {
		w.work = t.TempDir()
	}
	return w
}

// run is what a call of the program came to.
type run struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// command prepares a call of the program.
func (w world) command(args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(w.program, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd, &stdout, &stderr
}

func (w world) run(t *testing.T, args ...string) run {
	t.Helper()
	cmd, stdout, stderr := w.command(args...)
	start := time.Now()
	err := cmd.Run()
	r := run{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(start)}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	default:
		t.Fatal(err)
	}
	return r
}

// pebbleBuild is the arguments of a build of Pebble's image from a kickstart in testdata/kickstarts.
func (w world) pebbleBuild(kickstarts, file string, more ...string) []string {
	return append([]string{
		"build", "--distro", "pebble", "--arch", "x86_64", "--mirror", "file://" + w.pebble, "--work", w.work,
		"--kickstarts", kickstarts, "--kickstart", file,
	}, more...)
}

// outcome reads what build --json prints at its end.
func outcome(t *testing.T, r run) builders.Outcome {
	t.Helper()
	var o builders.Outcome
	if err := json.Unmarshal([]byte(r.stdout), &o); err != nil {
		t.Fatalf("the outcome is no JSON: %v\n%s", err, r.stdout)
	}
	return o
}

// build runs quarry, which has to succeed.
func (w world) build(t *testing.T, args ...string) (run, builders.Outcome) {
	t.Helper()
	r := w.run(t, args...)
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	o := outcome(t, r)
	t.Logf("built in %s; phases: %+v", r.took, o.Phases)
	return r, o
}

// again runs a build once more, which must find all that it needs.
func (w world) again(t *testing.T, args ...string) {
	t.Helper()
	r, _ := w.build(t, args...)
	for step, kind := range steps(t, r) {
		if kind != progress.Skipped {
			t.Errorf("step %s was %s; nothing has changed", step, kind)
		}
	}
}

// steps reads from the events of --json how each step ended.
func steps(t *testing.T, r run) map[string]progress.Kind {
	t.Helper()
	ended := map[string]progress.Kind{}
	for line := range strings.Lines(r.stderr) {
		var e progress.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("an event is no JSON: %v\n%s", err, line)
		}
		switch e.Kind {
		case progress.Done, progress.Skipped, progress.Failed:
			ended[e.Step] = e.Kind
		}
	}
	return ended
}

// machines lists the QEMU processes of a work folder.
func (w world) machines(t *testing.T) []string {
	t.Helper()
	var found []string
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte("qemu-system")) && bytes.Contains(line, []byte(w.work)) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
