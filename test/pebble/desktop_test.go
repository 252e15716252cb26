package pebble

import "testing"

func TestDesktopLoads(t *testing.T) {
	d, err := load(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"x86_64", "aarch64"} {
		have := d.names(a)
		have["kernel-core"] = true
		if _, err := d.comps.xmlFor(a, have); err != nil {
			t.Error(err)
		}
	}
}
