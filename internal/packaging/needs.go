package packaging

import (
	"strings"

	"github.com/quarry-project/quarry/internal/plan"
)

// Memory in MiB that making a file takes: as a whole, and of a compressor for each CPU. xz -6 has 94 for its dictionary, and a block before
// and after it; zstd has its tables, and a block that is read ahead and one that waits to be written.
const (
	plainMiB = 256
	xzMiB    = 160
	zstdMiB  = 128
)

// Needs is what making out takes of a host with so many CPUs: a compressor uses all of them.
func Needs(out plan.Output, cpus int) (use, memoryMiB int) {
	switch f := out.Format; {
	case strings.HasSuffix(f, ".xz"):
		return cpus, plainMiB + max(2, cpus)*xzMiB
	case strings.HasSuffix(f, ".zst"):
		return cpus, plainMiB + cpus*zstdMiB
	case f == "raw", f == "vhd", f == "iso", f == "qcow2" && out.Compression == "":
		return 1, plainMiB
	}
	return cpus, plainMiB
}
