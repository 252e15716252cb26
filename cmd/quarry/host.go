package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/quarry-project/quarry/internal/engine"
)

// What is left to the host itself.
const (
	spareMiB  = 512
	spareDisk = 1 << 30 // bytes
)

// limits are what builds may use together: what the flags allow, else what the host has at the moment.
func limits(m making, dir string) engine.Limits {
	l := engine.Limits{CPUs: m.cpus, MemoryMiB: m.memoryMiB, FreeDisk: func() int64 {
		var s syscall.Statfs_t
		if syscall.Statfs(dir, &s) != nil {
			return 1 << 62 // not known: what is written will tell
		}
		return int64(s.Bavail)*s.Bsize - spareDisk
	}}
	if l.CPUs == 0 {
		l.CPUs = runtime.GOMAXPROCS(0) // also what a container's quota leaves
	}
	if l.MemoryMiB == 0 {
		l.MemoryMiB = max(1, availableMiB()-spareMiB)
	}
	return l
}

// availableMiB is the kernel's estimate of what can be used without swapping; where it tells none, little.
func availableMiB() int {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
			return kib >> 10
		}
	}
	return 0
}
