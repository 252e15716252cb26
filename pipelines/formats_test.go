package pipelines_test

import (
	"testing"

	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/plan"
)

// TestFormats holds the outputs of every image against the formats that make them.
func TestFormats(t *testing.T) {
	kinds := map[string]packaging.Kind{"disk": packaging.Disk, "pi": packaging.Disk, "rootfs": packaging.Tree, "live": packaging.Medium}
	for _, p := range load(t) {
		outline := p.Outline(plan.Request{Release: p.Release(), Arch: p.Architectures()[0]})
		for _, out := range outline.Outputs {
			f, err := packaging.Accept(out)
			if err != nil {
				t.Errorf("%s: %v", p.File, err)
			} else if want := kinds[outline.Builder]; f.Takes() != want {
				t.Errorf("%s: %s is made of a %s, which the builder %s doesn't make", p.File, f.Name(), f.Takes(), outline.Builder)
			}
		}
	}
}
