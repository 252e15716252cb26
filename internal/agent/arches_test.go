package agent_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/vm"
	"github.com/quarry-project/quarry/test/pebble"
	"github.com/quarry-project/quarry/test/shared"
)

// The machine of every architecture that release 9 has starts the installer's kernel, loads its modules, finds the event port and ends. What
// QUARRY_PEBBLE_ARCH names may be a whole tree or only what `pebble --boot` makes.
func TestMachineOfEveryArchitectureSaysHello(t *testing.T) {
	for _, a := range arch.All() {
		if a.CPU["9"] == "" {
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			root := os.Getenv("QUARRY_PEBBLE_" + a.Name)
			if root == "" {
				shared.Missing(t, "no kernel for %s: set QUARRY_PEBBLE_%s to what `go run ./test/pebble/cmd/pebble --boot --arch %[1]s` prints", a.Name, a.Name)
			}
			if _, err := vm.Program(a); err != nil {
				shared.Missing(t, "%v", err)
			}
			kernel, base, err := pebble.BootFiles(root, a.Name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			agent := filepath.Join(dir, "agent")
			build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", agent, "../../cmd/quarry-agent")
			build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+a.Go)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("building the agent: %v\n%s", err, out)
			}
			job, err := json.Marshal(wire.Job{Format: wire.Format, Kind: wire.Hello, Release: "9", Arch: a.Name})
			if err != nil {
				t.Fatal(err)
			}
			initrd := filepath.Join(dir, "initrd")
			err = vm.Initrd(initrd, base, map[string]vm.File{wire.Agent: {Path: agent, Mode: 0o755}, wire.JobPath: {Data: job, Mode: 0o600}})
			if err != nil {
				t.Fatal(err)
			}
			machine, err := vm.Start(t.Context(), vm.Machine{
				Arch: a, Release: "9", CPUs: 1, MemoryMiB: 1024, Accel: vm.TCG, Kernel: kernel, Initrd: initrd,
				Append: "rdinit=" + wire.Agent + " quiet", Events: true, Dir: dir,
			})
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			_, phases, err := vm.Follow(t.Context(), machine, vm.Deadlines{Limit: vm.Limit{Silence: 5 * time.Minute, Total: 10 * time.Minute}},
				func(e progress.Event) { said = append(said, e.Message) })
			if err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(machine.ConsoleTail(40), "\n"))
			}
			if len(phases) != 1 || !strings.Contains(strings.Join(said, "\n"), "machine runs Linux 6") {
				t.Errorf("phases %+v; it said %q", phases, said)
			}
			t.Logf("%s: %.1f s from start to hello", a.Name, phases[0].Seconds)
		})
	}
}
