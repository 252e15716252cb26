package verify

import (
	"runtime"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
)

// What a machine that boots an image has when Options don't say.
const (
	defaultCPUs      = 2
	defaultMemoryMiB = 2048
)

// Needs is what the machines take together that Image has running at any one time.
func Needs(img artifact.Image, o Options) (cpus, memoryMiB int) {
	if o.CPUs == 0 {
		o.CPUs = defaultCPUs
	}
	if o.MemoryMiB == 0 {
		o.MemoryMiB = defaultMemoryMiB
	}
	boots := 1
	if m, err := methodFor(o.Method, img.Format, o.Packages); err == nil && !m.boots() {
		return o.CPUs, o.MemoryMiB
	}
	if a, err := arch.Lookup(o.Arch); err == nil {
		if firmware, err := firmwares(a, img.Boot, o.Firmware, o.Kernel != nil); err == nil {
			boots = min(len(firmware), sideBySide(o.CPUs))
		}
	}
	return boots * o.CPUs, boots * o.MemoryMiB
}

// sideBySide is how many machines of so many CPUs run at once.
func sideBySide(cpus int) int { return max(1, runtime.NumCPU()/cpus) }
