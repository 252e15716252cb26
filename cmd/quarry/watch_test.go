package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kickstartRepo is a repository with the kickstart of one image; the returned function commits a file.
func kickstartRepo(t *testing.T) (string, func(name, text string)) {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=J\x1b[2J", "-c", "user.email=t@example.invalid", "-C", dir}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "--quiet", "--initial-branch=r9")
	commit := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", "-A")
		git("commit", "--quiet", "-m", "change "+name)
	}
	commit("Rocky-9-GenericCloud-Base.ks", "text\n")
	return dir, commit
}

// full is an output that can't be written to.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWatchCommand(t *testing.T) {
	dir, commit := kickstartRepo(t)
	work := t.TempDir()
	args := []string{"watch", "--work", work, "--kickstarts", dir, "--distro", "rocky", "--release", "9", "--via", "git"}
	expect := func(code int, want ...string) {
		t.Helper()
		stdout, stderr, got := quarry(t, args...)
		for _, text := range want {
			if !strings.Contains(stdout, text) {
				t.Errorf("%q is not in %q", text, stdout)
			}
		}
		if got != code || stderr != "" || strings.Contains(stdout, "\x1b") {
			t.Errorf("exit %d, want %d\n%s%s", got, code, stdout, stderr)
		}
	}
	expect(0, "watched from")
	expect(0, "nothing new")
	commit("README", "x")
	expect(0, "1 new commits", "change README", "touches no image")
	commit("Rocky-9-GenericCloud-Base.ks", "graphical\n")
	var stderr bytes.Buffer
	if code := run(args, full{}, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("exit %d: %s", code, &stderr)
	}
	expect(exitNews, "touches rocky-9-GenericCloud-Base (Rocky-9-GenericCloud-Base.ks)") // as it could not be told before
	expect(0, "nothing new")
	commit("Rocky-9-GenericCloud-Base.ks", "text\n")
	stdout, _, code := quarry(t, append(args, "--names")...)
	if code != exitNews || stdout != "rocky-9-GenericCloud-Base\n" {
		t.Errorf("exit %d: %q", code, stdout)
	}
	stdout, _, code = quarry(t, append(args, "--json", "--since", "1ns")...)
	var seen watched
	if err := json.Unmarshal([]byte(stdout), &seen); err != nil || code != 0 || len(seen.Branches) != 1 || len(seen.Images) != 0 {
		t.Errorf("exit %d, %v: %s", code, err, stdout)
	}
	for _, bad := range [][]string{
		{"watch", "--kickstarts", dir}, {"watch", "--via", "mail"}, {"watch", "--distro", "none"}, {"watch", "x"},
	} {
		if _, stderr, code := quarry(t, append(bad, "--work", work)...); code != exitUsage {
			t.Errorf("%v: exit %d: %s", bad, code, stderr)
		}
	}
	if stdout, stderr, code := quarry(t, "watch", "--work", work, "--kickstarts", t.TempDir(), "--distro", "rocky", "--release", "9"); code != exitFailed {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

// lookedTwice ends a loop when it has looked for the second time.
type lookedTwice struct {
	text   []byte
	cancel context.CancelFunc
}

func (l *lookedTwice) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "nothing new") {
		l.cancel()
	}
	l.text = append(l.text, b...)
	return len(b), nil
}

func TestWatchLoopEndsWithItsContext(t *testing.T) {
	dir, _ := kickstartRepo(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &lookedTwice{cancel: cancel}
	root := newRoot(out, out)
	root.SetArgs([]string{"watch", "--work", t.TempDir(), "--kickstarts", dir, "--distro", "rocky", "--release", "9", "--via", "git", "--interval", "1ms"})
	if err := root.ExecuteContext(ctx); err != nil {
		t.Errorf("the loop ended with %v", err)
	}
	if text := string(out.text); !strings.Contains(text, "watched from") || !strings.Contains(text, "nothing new") || strings.Contains(text, "quarry:") {
		t.Errorf("got %q", text)
	}
}
