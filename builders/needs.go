package builders

import (
	"runtime"
	"syscall"

	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/verify"
)

// emulatorMiB is what QEMU takes beside the guest's memory.
const emulatorMiB = 256

// MachineNeeds is what a machine takes that may write so many bytes.
func MachineNeeds(cpus, memoryMiB int, disk int64) engine.Needs {
	return engine.Needs{CPUs: cpus, MemoryMiB: memoryMiB + emulatorMiB, DiskBytes: disk}
}

// packNeeds is what turning a file into an image takes: an image is at most as large as what the file really holds, and the larger formats
// are made of a smaller one beside them.
func packNeeds(path string, out plan.Output) engine.Needs {
	var n engine.Needs
	n.CPUs, n.MemoryMiB = packaging.Needs(out, runtime.NumCPU())
	var s syscall.Stat_t
	if syscall.Stat(path, &s) == nil {
		n.DiskBytes = 2 * s.Blocks * 512
	}
	return n
}

// solveNeeds is what dnf takes with the metadata of a whole distribution.
func solveNeeds() engine.Needs { return engine.Needs{CPUs: 1, MemoryMiB: 1024} }

// fetchNeeds is room for what the Lock names: how much of it the store has already is not known before.
func fetchNeeds(lock resolve.Lock) engine.Needs { return engine.Needs{DiskBytes: downloads(lock)} }

func payloadNeeds(lock resolve.Lock) engine.Needs {
	return engine.Needs{CPUs: 1, MemoryMiB: 256, DiskBytes: downloads(lock)}
}

// treeNeeds is the unpacked packages and the squashfs of them, which is not compressed.
func treeNeeds(lock resolve.Lock, method install.Method) engine.Needs {
	unpacked := Unpacked(lock)
	const caches = 1 << 30 // dnf's, and the initramfs
	if method == install.Machine {
		return MachineNeeds(install.TreeCPUs, install.TreeMemoryMiB, 2*unpacked+caches)
	}
	return engine.Needs{CPUs: 1, MemoryMiB: 1024, DiskBytes: 2*unpacked + caches}
}

func verifyNeeds(in verifyInput) engine.Needs {
	cpus, memory := verify.Needs(in.image, in.options)
	const overlay = 1 << 30 // what a system writes in its first minutes
	return MachineNeeds(cpus, memory, overlay)
}

// Unpacked is how many bytes the Lock's packages have once they are installed.
func Unpacked(lock resolve.Lock) (sum int64) {
	for _, p := range lock.Packages {
		sum += p.Installed
	}
	return sum
}

// Space is how many bytes a build from the Lock may fill with what is not published: downloads, the tree, the disk.
func Space(lock resolve.Lock) int64 { return 2*downloads(lock) + 4*Unpacked(lock) }

func downloads(lock resolve.Lock) (sum int64) {
	for _, set := range [][]resolve.Package{lock.Packages, lock.Available} {
		for _, p := range set {
			sum += p.Size
		}
	}
	return sum
}
