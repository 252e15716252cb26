package plan

import (
	"fmt"
	"slices"
	"strings"
)

// formatsOf are the formats that each builder's images can have, by their published suffixes.
func formatsOf() map[string][]string {
	disks := []string{"qcow2", "raw", "raw.xz", "raw.zst", "vhd", "vmdk", "box"}
	return map[string][]string{
		"disk":   disks,
		"pi":     disks,
		"rootfs": {"tar.xz", "oci.tar", "wsl"},
		"live":   {"iso"},
	}
}

// builders are the names that `builder` may have, in the order that errors list them.
func builders() []string { return []string{"disk", "pi", "rootfs", "live"} }

// providers are what a Vagrant box can be for; the names are Vagrant's.
func providers() []string { return []string{"libvirt", "virtualbox", "vmware_desktop"} }

// outputs checks what an image is to be published as.
func (c *checker) outputs(builder string, outputs []Output) {
	c.need(len(outputs) > 0, "$.outputs", "none is given")
	formats := formatsOf()[builder]
	seen := map[string]bool{}
	for n, o := range outputs {
		at := fmt.Sprintf("$.outputs[%d]", n)
		c.need(formats == nil || slices.Contains(formats, o.Format), at+".format",
			"the builder %s can't make %q: want one of %s", builder, o.Format, strings.Join(formats, ", "))
		c.need(!seen[o.Format], at+".format", "%s is there twice, and both files would have one name", o.Format)
		seen[o.Format] = true
		if o.Format == "qcow2" {
			c.need(slices.Contains([]string{"", "zlib", "zstd"}, o.Compression), at+".compression", "want zlib, zstd or nothing, not %q", o.Compression)
		} else {
			c.need(o.Compression == "", at+".compression", "only qcow2 has a choice, not %s", o.Format)
		}
		if o.Format == "box" {
			c.need(slices.Contains(providers(), o.Provider), at+".provider", "want %s, not %q", strings.Join(providers(), ", "), o.Provider)
		} else {
			c.need(o.Provider == "", at+".provider", "only a box has one, not %s", o.Format)
		}
	}
}
