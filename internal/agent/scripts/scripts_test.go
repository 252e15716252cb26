package scripts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// run runs scripts in the runtime, which here is the host, and returns what was reported.
func run(ctx context.Context, t *testing.T, section string, all ...wire.Script) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Runner{Report: report.New(&out)}.Run(ctx, section, all)
	var lines []string
	for d := wire.NewDecoder(&out); ; {
		e, next := d.Next()
		if errors.Is(next, io.EOF) {
			return strings.Join(lines, "\n"), err
		}
		if next != nil {
			t.Fatal(next)
		}
		lines = append(lines, string(e.Kind)+": "+e.Message)
	}
}

func script(body string) wire.Script {
	return wire.Script{Section: "post", Interpreter: "/bin/sh", Body: body, NoChroot: true, File: "a.ks", Line: 4}
}

func TestRun(t *testing.T) {
	other := script("echo not me")
	other.Section = "pre"
	out, err := run(t.Context(), t, "post", script("echo one; echo two >&2; echo $ANA_INSTALL_PATH $INSTALL_ROOT"), other, script("pwd; echo $0"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"log: one", "log: two", "log: /mnt/sysimage /mnt/sysimage", "log: /\n", "log: /tmp/ks-script-"} {
		if !strings.Contains(out+"\n", want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "not me") {
		t.Error("a script of another section ran")
	}
	_, name, _ := strings.Cut(out, "log: /tmp/ks-script-")
	if _, err := os.Stat("/tmp/ks-script-" + strings.TrimSpace(name)); err == nil {
		t.Error("the script is left behind")
	}
}

func TestInterpreter(t *testing.T) {
	s := script("import sys; print('snake', sys.version_info[0])")
	s.Interpreter = "/usr/bin/python3"
	if out, err := run(t.Context(), t, "post", s); err != nil || !strings.Contains(out, "snake 3") {
		t.Errorf("%s %v", out, err)
	}
	s.Interpreter, s.ErrorOnFail = "/usr/bin/none", true
	if _, err := run(t.Context(), t, "post", s); err == nil || !strings.Contains(err.Error(), "its interpreter /usr/bin/none is not there") {
		t.Errorf("%v", err)
	}
}

func TestFailure(t *testing.T) {
	s := script("echo why; exit 7")
	out, err := run(t.Context(), t, "post", s, script("echo next"))
	if err != nil || !strings.Contains(out, "warning: a.ks:4: %post failed: it ended with 7") || !strings.Contains(out, "log: next") {
		t.Errorf("without --erroronfail: %v\n%s", err, out)
	}
	s.ErrorOnFail = true
	out, err = run(t.Context(), t, "post", s, script("echo next"))
	f := report.Failure(err)
	if f.Exit != 7 || f.Line != 4 || f.File != "a.ks" || strings.Contains(out, "log: next") {
		t.Errorf("with --erroronfail: %+v\n%s", f, out)
	}
}

func TestLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "deep/er/post.log")
	s := script("echo kept; echo bad >&2")
	s.Log = log
	out, err := run(t.Context(), t, "post", s, s)
	if err != nil || strings.Count(out, "log: kept") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	if text, err := os.ReadFile(log); err != nil || strings.Count(string(text), "kept\n") != 2 || strings.Count(string(text), "bad\n") != 2 {
		t.Errorf("%q %v", text, err)
	}
}

func TestBackgroundDoesNotHold(t *testing.T) {
	s := script("sleep 60 & echo $!")
	s.ErrorOnFail = true
	if _, err := run(t.Context(), t, "post", s); err != nil {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := run(ctx, t, "post", script("sleep 60")); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}
