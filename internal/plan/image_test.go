package plan

import "testing"

// TestMachineIsInheritedKeyByKey: an image that only wants the network keeps its release's CPUs and memory.
func TestMachineIsInheritedKeyByKey(t *testing.T) {
	c := &checker{file: "image.yaml", data: []byte("machine:\n  network: true\n")}
	i := imageFile{Machine: machineYAML{Network: true}}
	c.inherit(&i, releaseFile{Machine: machineYAML{CPUs: 4, Memory: "3GiB"}, Kickstarts: kickstartsYAML{Version: "rhel9"}})
	if want := (machineYAML{CPUs: 4, Memory: "3GiB", Network: true}); i.Machine != want || len(c.errs) != 0 {
		t.Errorf("got %+v, %v", i.Machine, c.errs)
	}
}
