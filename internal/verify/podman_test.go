package verify

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/progress"
)

// fakePodman is a program that answers as podman does; script is what it does for run.
func fakePodman(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "podman")
	text := `#!/bin/bash
case " $* " in
*" --version "*) echo podman version 9.9 ;;
*" import "*) echo sha256:1234 ;;
*" unshare "*) rm -rf "${@: -1}" ;;
*" run "*) script="${@: -1}"; ` + script + ` ;;
*) exit 125 ;;
esac
`
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestContainerInPodman(t *testing.T) {
	o := containerOptions(t)
	o.Arch = hostArch(t)
	v := verifier{podman: fakePodman(t, `case "$script" in
*"exit 0") ;;
*mktemp*) echo x86_64 ;;
*os-release*) echo rocky 9.6 ;;
*rpm*) echo broken >&2; exit 3 ;;
*) exit 125 ;;
esac`)}
	r, err := v.image(t.Context(), layerImage(t), o)
	if err != nil || len(r.Boots) != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	b := r.Boots[0]
	if b.By != "podman 9.9" || b.Method != Container || r.Passed || len(b.Checks) != 3 || !b.Checks[0].Passed || !b.Checks[1].Passed || b.Checks[2].Passed {
		t.Errorf("%+v", b)
	}
	if f := strings.Join(r.Failures(), "\n"); !strings.Contains(f, "rpm failed: broken") {
		t.Error(f)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "unpacked-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// A podman that can't start containers here is no failure of the image.
func TestContainerWherePodmanCanNot(t *testing.T) {
	for name, program := range map[string]string{"fails": fakePodman(t, "echo no cgroups >&2; exit 125"), "is not there": filepath.Join(t.TempDir(), "none")} {
		o := containerOptions(t)
		o.Arch = hostArch(t)
		var seen Inspection
		o.Look = looker(t, healthyContainer(), &seen)
		r, err := verifier{podman: program}.image(t.Context(), layerImage(t), o)
		if err != nil || !r.Passed || !seen.Layer || strings.Contains(r.Boots[0].By, "podman") {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

// The real one, where the host has it: an almost empty root has no shell, and that is what has to be seen.
func TestRealPodman(t *testing.T) {
	if _, err := exec.LookPath("podman"); err != nil {
		t.Skip("this host has no podman")
	}
	o := containerOptions(t)
	o.Arch = hostArch(t)
	o.Look = looker(t, map[string]wire.Answer{}, new(Inspection))
	o.Report = func(e progress.Event) { t.Log(e.Message) }
	r, err := verifier{podman: "podman"}.image(t.Context(), layerImage(t), o)
	if err != nil || r.Passed {
		t.Fatalf("%+v %v", r, err)
	}
	t.Logf("%s: %v", r.Boots[0].By, r.Failures())
	if f := strings.Join(r.Failures(), "\n"); !strings.Contains(f, "shell") {
		t.Error(f)
	}
}
