package verify

import (
	"cmp"
	"runtime"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/vm"
)

// What a machine that boots an image has when Options don't say. A live system keeps in memory what it writes.
const (
	defaultCPUs      = 2
	defaultMemoryMiB = 2048
	liveMemoryMiB    = 3072
)

func machineSize(m Method, o Options) (cpus, memoryMiB int) {
	cpus, memoryMiB = defaultCPUs, defaultMemoryMiB
	if m == Live {
		memoryMiB = liveMemoryMiB
		if o.Accel == vm.TCG {
			// A desktop loads many drivers, and for each the kernel patches its code and stops all CPUs but one: emulated ones on a busy
			// host were seen to wait for each other for minutes. One waits for nobody.
			cpus = 1
		}
	}
	return cmp.Or(o.CPUs, cpus), cmp.Or(o.MemoryMiB, memoryMiB)
}

// Needs is what the machines take together that Image has running at any one time.
func Needs(img artifact.Image, o Options) (cpus, memoryMiB int) {
	m, err := methodFor(o.Method, img.Format, o.Packages)
	cpus, memoryMiB = machineSize(m, o)
	if err == nil && !m.boots() {
		return cpus, memoryMiB
	}
	boots := 1
	if a, err := arch.Lookup(o.Arch); err == nil {
		if firmware, err := firmwares(a, img.Boot, o.Firmware, o.Kernel != nil); err == nil {
			boots = min(len(launches(m, firmware, []vm.Medium{vm.CD, vm.USB})), sideBySide(cpus))
		}
	}
	return boots * cpus, boots * memoryMiB
}

// sideBySide is how many machines of so many CPUs run at once. One with a single CPU has it because it is slow already: it counts as two.
func sideBySide(cpus int) int { return max(1, runtime.NumCPU()/max(cpus, defaultCPUs)) }
