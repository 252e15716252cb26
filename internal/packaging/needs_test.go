package packaging

import (
	"testing"

	"github.com/quarry-project/quarry/internal/plan"
)

func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		out          plan.Output
		cpus         int
		use, atLeast int
	}{
		{plan.Output{Format: "raw.xz"}, 1, 1, 300}, // two threads even then
		{plan.Output{Format: "tar.xz"}, 16, 16, 16 * 94},
		{plan.Output{Format: "raw.zst"}, 16, 16, 16 * 64},
		{plan.Output{Format: "qcow2"}, 16, 1, 1},
		{plan.Output{Format: "qcow2", Compression: "zstd"}, 16, 16, 1},
		{plan.Output{Format: "vhd"}, 16, 1, 1},
		{plan.Output{Format: "iso"}, 16, 1, 1},
	} {
		if use, memory := Needs(c.out, c.cpus); use != c.use || memory < c.atLeast {
			t.Errorf("%+v on %d CPUs: %d CPUs and %d MiB, want %d and at least %d", c.out, c.cpus, use, memory, c.use, c.atLeast)
		}
	}
}
