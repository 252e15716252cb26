package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A kickstart that makes no sense is a failed build of the history; a command line that makes none is not.
func TestFailedPlansAreRemembered(t *testing.T) {
	ks, work := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(ks, "Rocky-9-GenericCloud-Base.ks"), []byte("keybord us\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	build := []string{"build", "--distro", "rocky", "--kickstarts", ks, "--work", work, "--mirror", "file:///nowhere"}
	if _, stderr, code := quarry(t, append(build, "--image", "NoSuchImage")...); code != exitUsage {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if stdout, _, _ := quarry(t, "history", "--work", work); strings.Contains(stdout, "failed") {
		t.Errorf("a wrong command line is in the history: %s", stdout)
	}
	if _, stderr, code := quarry(t, build...); code != exitFailed || !strings.Contains(stderr, "did you mean keyboard") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	stdout, stderr, code := quarry(t, "show", "--work", work)
	for _, want := range []string{"rocky-9-GenericCloud-Base-x86_64 failed", "Base.ks:1:1", "did you mean keyboard"} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, want %q: %s%s", code, want, stdout, stderr)
		}
	}
	id, _, _ := strings.Cut(stdout[strings.Index(stdout, "\nbuild ")+7:], ":")
	if _, stderr, code := quarry(t, "logs", id, "--work", work); code != exitFailed || !strings.Contains(stderr, "has no log") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
