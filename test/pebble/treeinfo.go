package pebble

import (
	"fmt"
	"sort"
	"strings"

	"github.com/quarry-project/quarry/internal/digest"
)

// treeinfo writes .treeinfo in productmd's form (header type productmd.treeinfo, version 1.2). sums are the images' digests by
// their path below the tree.
func treeinfo(arch string, p platform, variant string, sums map[string]digest.Digest) string {
	var b strings.Builder
	section := func(name string, lines ...string) {
		fmt.Fprintf(&b, "[%s]\n%s\n\n", name, strings.Join(lines, "\n"))
	}
	var checksums []string
	for name, d := range sums {
		checksums = append(checksums, name+" = "+string(d))
	}
	sort.Strings(checksums)
	if len(checksums) > 0 {
		section("checksums", checksums...)
	}
	section("general", "arch = "+arch, "family = Pebble", "name = Pebble "+version, "packagedir = Packages", "platforms = "+p.Platforms,
		"repository = .", fmt.Sprintf("timestamp = %d", epoch), "variant = "+variant, "variants = "+variant, "version = "+version)
	section("header", "type = productmd.treeinfo", "version = 1.2")
	if _, ok := sums[p.Images.Kernel]; ok {
		for _, name := range strings.Split(p.Platforms, ",") {
			section("images-"+name, "initrd = "+p.Images.Initrd, "kernel = "+p.Images.Kernel)
		}
	}
	section("release", "name = Pebble", "short = Pebble", "version = "+version)
	if _, ok := sums[stage2Image]; ok {
		section("stage2", "mainimage = "+stage2Image)
	}
	section("tree", "arch = "+arch, fmt.Sprintf("build_timestamp = %d", epoch), "platforms = "+p.Platforms, "variants = "+variant)
	section("variant-"+variant, "id = "+variant, "name = "+variant, "packages = Packages", "repository = .", "type = variant", "uid = "+variant)
	return b.String()
}
