package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/test/shared"
)

// rockyBuild is the arguments of a build of an image from its unmodified upstream kickstart.
func (w world) rockyBuild(t *testing.T, image, variant, publish string, more ...string) []string {
	return append([]string{
		"build", "--distro", "rocky", "--release", "9", "--image", image, "--variant", variant, "--arch", "x86_64",
		"--mirror", "file://" + w.pebble, "--key", filepath.Join(w.pebble, "9", "RPM-GPG-KEY-Pebble-9"),
		"--kickstarts", filepath.Join(shared.Dir(t), "data", "rocky-kickstarts.bundle"),
		"--publish", publish, "--work", w.work, "--date", "20260102", "--json",
	}, more...)
}

// TestRockyGenericCloud builds the real, unmodified kickstart against Pebble, boots it under BIOS and UEFI, publishes it, and does it again.
func TestRockyGenericCloud(t *testing.T) {
	w := newWorld(t)
	publish := filepath.Join(t.TempDir(), "published")
	args := w.rockyBuild(t, "GenericCloud", "Base", publish)
	_, o := w.build(t, args...)

	t.Run("boots", func(t *testing.T) {
		var firmware []string
		for _, b := range o.Reports[0].Boots {
			firmware = append(firmware, b.Firmware)
			if !b.Passed || b.Login == 0 || len(b.Checks) == 0 {
				t.Errorf("%s: %+v", b.Firmware, b)
			}
		}
		slices.Sort(firmware)
		if !o.Reports[0].Passed || !slices.Equal(firmware, []string{"bios", "uefi"}) {
			t.Errorf("passed %v with %v; want a pass with BIOS and UEFI", o.Reports[0].Passed, firmware)
		}
	})
	t.Run("published", func(t *testing.T) {
		const dated = "Rocky-9-GenericCloud-Base-9.6-20260102-x86_64.qcow2"
		checkTree(t, publish, dated, "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2", "Rocky-9-GenericCloud.latest.x86_64.qcow2")
	})
	t.Run("again", func(t *testing.T) { w.again(t, args...) })
	t.Run("from its lock", func(t *testing.T) {
		lock := filepath.Join(t.TempDir(), "lock.json")
		lockArgs := append([]string{"lock"}, args[1:]...)
		lockArgs = slices.DeleteFunc(lockArgs, func(s string) bool { return s == "--publish" || s == publish || s == "--date" || s == "20260102" })
		if r := w.run(t, append(lockArgs, "-o", lock)...); r.code != 0 {
			t.Fatalf("lock: exit code %d\n%s", r.code, r.stderr)
		}
		r, _ := w.build(t, append(args, "--lock", lock)...)
		if kind, ran := steps(t, r)["lock"]; ran {
			t.Errorf("the build from a lock solved: %s", kind)
		}
	})
}

// checkTree looks at a published folder: the dated file, links to it, and checksums that sha256sum accepts.
func checkTree(t *testing.T, dir, dated string, links ...string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, dated)); err != nil {
		names, _ := filepath.Glob(filepath.Join(dir, "*"))
		t.Fatalf("%v; there is: %s", err, strings.Join(names, "\n"))
	}
	for _, link := range links {
		to, err := os.Readlink(filepath.Join(dir, link))
		if err != nil || to != dated {
			t.Errorf("%s points to %q, %v; want %s", link, to, err, dated)
		}
	}
	for _, name := range append([]string{"CHECKSUM", dated + ".CHECKSUM"}, withSuffix(links, ".CHECKSUM")...) {
		cmd := exec.Command("sha256sum", "--strict", "-c", name)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("sha256sum -c %s: %v\n%s", name, err, out)
		}
	}
}

func withSuffix(names []string, suffix string) []string {
	var out []string
	for _, n := range names {
		out = append(out, n+suffix)
	}
	return out
}
