package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/vm"
	"github.com/quarry-project/quarry/test/shared"
)

// The same packages by the same code in a machine: the result must be the same too.
func TestTreeInMachine(t *testing.T) {
	root := os.Getenv("QUARRY_PEBBLE")
	if root == "" {
		shared.Missing(t, "no test distribution: set QUARRY_PEBBLE to the tree that `make pebble` makes")
	}
	a, err := arch.Lookup("x86_64")
	if err != nil {
		t.Fatal(err)
	}
	lock, inputs := fixture(t, a)
	images := filepath.Join(root, "9", "BaseOS", a.Name, "os", "images")
	inputs.Kernel = artifact.File{Path: filepath.Join(images, "pxeboot", "vmlinuz")}
	inputs.Initrd = artifact.File{Path: filepath.Join(images, "pxeboot", "initrd.img")}
	inputs.Stage2 = artifact.File{Path: filepath.Join(images, "install.img")}
	agent := filepath.Join(t.TempDir(), "agent")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", agent, "../../cmd/quarry-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+a.Go)
	output(t, build)
	payload, err := Payload(t.Context(), lock, inputs, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var packages int64
	report := func(e progress.Event) {
		t.Logf("%s %s %s %d/%d", e.Kind, e.Phase, e.Message, e.Done, e.Total)
		if e.Unit == progress.Packages {
			packages = e.Done
		}
	}
	dir := t.TempDir()
	tree, err := Tree(t.Context(), TreeSpec{
		Lock: lock, Inputs: inputs, Payload: payload, Arch: a.Name, Method: Machine, Dir: dir, LogDir: t.TempDir(),
		Agent: agent, Accel: vm.TCG, Release: "9", Deadlines: Deadlines(3*time.Minute, 10*time.Minute),
	}, report)
	if err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || !strings.HasSuffix(tree.Path, entries[0].Name()) {
		t.Errorf("the folder holds %v", entries)
	}
	if packages != 5 || len(tree.Packages) != 5 || tree.Method != "machine" || tree.Unpacked == 0 {
		t.Errorf("%d packages were told of, and the tree is %+v", packages, tree)
	}
	checkTree(t, tree, payload)
}
