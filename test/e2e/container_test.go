package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/verify"
)

// TestRockyContainer builds the smallest image there is from the real, unmodified kickstart: a root file system that a machine streams, in both
// of its formats.
func TestRockyContainer(t *testing.T) {
	w := newWorld(t)
	publish := filepath.Join(t.TempDir(), "published")
	args := w.rockyBuild(t, "Container", "Minimal", publish)
	_, o := w.build(t, args...)

	t.Run("looked at", func(t *testing.T) {
		if len(o.Reports) != 2 {
			t.Fatalf("%d reports; want one for each format", len(o.Reports))
		}
		for _, r := range o.Reports {
			if !r.Passed || len(r.Boots) != 1 || r.Boots[0].Method != verify.Container || r.Boots[0].By == "" || len(r.Boots[0].Checks) < 4 {
				t.Errorf("%+v", r)
			}
		}
	})
	t.Run("tar.xz", func(t *testing.T) {
		const dated = "Rocky-9-Container-Minimal-9.6-20260102-x86_64.tar.xz"
		checkTree(t, publish, dated, "Rocky-9-Container-Minimal.latest.x86_64.tar.xz")
		file := filepath.Join(publish, dated)
		if out, err := exec.Command("xz", "-t", file).CombinedOutput(); err != nil {
			t.Errorf("xz: %v\n%s", err, out)
		}
		out, err := exec.Command("tar", "--numeric-owner", "-tvf", file).CombinedOutput()
		if err != nil {
			t.Fatalf("tar: %v\n%s", err, out)
		}
		for _, want := range []string{`(?m)^-rwxr-xr-x 0/0 .* usr/bin/bash$`, `(?m)^d\S+ 0/0 .* proc/$`, `(?m)^-\S+ 0/0 .* etc/BUILDTIME$`} {
			if !regexp.MustCompile(want).Match(out) {
				t.Errorf("nothing in it matches %s", want)
			}
		}
		// The kickstart's script removes /boot; the kernel's folders are never in it, and neither are devices.
		if found := regexp.MustCompile(`(?m)^([bcs].*|.* (boot/.*|(proc|sys|dev)/.+))$`).FindAllString(string(out), 5); found != nil {
			t.Errorf("these do not belong there: %s", strings.Join(found, "\n"))
		}
	})
	t.Run("oci.tar", func(t *testing.T) {
		const dated = "Rocky-9-Container-Minimal-9.6-20260102-x86_64.oci.tar"
		checkTree(t, publish, dated, "Rocky-9-Container-Minimal.latest.x86_64.oci.tar")
		out, err := exec.Command("tar", "-tf", filepath.Join(publish, dated)).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "index.json") || !strings.Contains(string(out), "oci-layout") {
			t.Errorf("tar: %v\n%s", err, out)
		}
	})
	t.Run("again", func(t *testing.T) { w.again(t, args...) })
}
