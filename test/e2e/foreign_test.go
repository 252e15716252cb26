package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/test/shared"
)

// foreign is the architecture that is built whole in every run of the tests: the cheapest of those that have to be emulated. The others'
// machines are booted to the agent's hello in internal/agent; `make arches` builds them all.
const foreign = "aarch64"

// TestForeignArchitecture builds Pebble's own image for another architecture than the host's: foreign packages installed in the sandbox, the
// disk in an emulated machine, and the image booted by its own boot loader.
func TestForeignArchitecture(t *testing.T) {
	w := newWorld(t)
	tree := os.Getenv("QUARRY_PEBBLE_" + foreign)
	if _, err := os.Stat(filepath.Join(tree, "9", "BaseOS", foreign, "os", "repodata")); tree == "" || err != nil {
		shared.Missing(t, "no Pebble tree for %s: set QUARRY_PEBBLE_%s, or use make test", foreign, foreign)
	}
	if a, err := arch.Lookup(foreign); err != nil || a.Native() {
		t.Skipf("%s is no foreign architecture here (%v)", foreign, err)
	}
	publish := filepath.Join(t.TempDir(), "published")
	args := []string{
		"build", "--distro", "pebble", "--arch", foreign, "--mirror", "file://" + tree, "--work", w.work, "--publish", publish,
		"--date", "20260102", "--json",
	}
	_, o := w.build(t, args...)
	if o.Accel != "tcg" {
		t.Errorf("%s ran with %s", foreign, o.Accel)
	}
	if len(o.Reports) != 1 || !o.Reports[0].Passed || len(o.Reports[0].Boots) != 1 {
		t.Fatalf("want one report with one boot that passed: %+v", o.Reports)
	}
	// Its own firmware and its own boot loader: nothing less counts here.
	if b := o.Reports[0].Boots[0]; b.Firmware != "uefi" || b.Login == 0 || !strings.Contains(b.Kernel, "arm64") || !strings.Contains(b.Cmdline, "BOOT_IMAGE=") {
		t.Errorf("%+v", b)
	}
	checkTree(t, publish, "Pebble-9-GenericCloud-Base-9.6-20260102-"+foreign+".qcow2",
		"Pebble-9-GenericCloud-Base.latest."+foreign+".qcow2", "Pebble-9-GenericCloud.latest."+foreign+".qcow2")
}
