package install

import (
	"context"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/vm"
)

// ProbeSpec is what is needed to try an accelerator with the very kernel that the build machine will run.
type ProbeSpec struct {
	Accel    vm.Accel // wished for
	Arch     arch.Arch
	Release  string
	Inputs   resolve.Inputs
	Agent    string // the agent's program
	CacheDir string // where the answer is remembered
}

// Probe decides the accelerator, and says in one line what was chosen and why.
func Probe(ctx context.Context, s ProbeSpec) (vm.Accel, string, error) {
	dir, err := os.MkdirTemp("", "quarry-probe-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(dir)
	initrd := filepath.Join(dir, "initrd.img")
	job := wire.Job{Format: wire.Format, Kind: wire.Hello, Release: s.Release, Arch: s.Arch.Name}
	if err := writeInitrd(initrd, s.Inputs.Initrd.Path, s.Agent, job, ""); err != nil {
		return "", "", err
	}
	return vm.Probe(ctx, vm.ProbeSpec{
		Accel: s.Accel, Arch: s.Arch, Release: s.Release, Kernel: s.Inputs.Kernel.Path, Initrd: initrd,
		Append: kernelArguments(), CacheDir: s.CacheDir,
	})
}
