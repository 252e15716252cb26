package timings

import (
	"testing"

	"github.com/quarry-project/quarry/test/golden"
)

func TestTable(t *testing.T) {
	first := Result{Steps: []Timed{{Step: "tree", Seconds: 10}, {Step: "disk", Seconds: 80}, {Step: "verify", Seconds: 150}},
		Phases: []Timed{{Step: "disk", Name: "boot", Seconds: 5}, {Step: "disk", Name: "scripts", Seconds: 30}}}
	first.Reports = []Report{{Boots: []Boot{{Firmware: "bios", Seconds: 71, Login: 60}, {Firmware: "uefi", Seconds: 80, Login: 70}}}}
	other := Result{Steps: []Timed{{Step: "lock", Seconds: 0.4}, {Step: "tree", Seconds: 15}, {Step: "disk", Seconds: 120}},
		Phases: []Timed{{Step: "disk", Name: "boot", Seconds: 4}, {Step: "disk", Name: "pre", Seconds: 1}, {Step: "disk", Name: "scripts", Seconds: 60}}}
	golden.Equal(t, "table.txt", Table([]string{"x86_64", "s390x"}, map[string]Result{"x86_64": first, "s390x": other}, true))
}
