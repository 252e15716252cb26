package iso

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/digest"
)

// treeinfoText is .treeinfo (https://productmd.readthedocs.io/en/latest/treeinfo-1.0.html). sums are the digests of files in the image by their
// paths: what starts it, and the main image.
func treeinfoText(s Spec, p place, sums map[string]digest.Digest) string {
	var b strings.Builder
	section := func(name string, lines ...string) {
		fmt.Fprintf(&b, "[%s]\n%s\n\n", name, strings.Join(lines, "\n"))
	}
	var checksums []string
	for name, d := range sums {
		checksums = append(checksums, name+" = "+string(d))
	}
	slices.Sort(checksums)
	images := []string{"initrd = " + p.initrd, "kernel = " + p.kernel}
	for _, name := range []string{efiImage, s390Image} {
		if _, ok := sums[name]; ok {
			images = append(images, name[strings.LastIndex(name, "/")+1:]+" = "+name)
		}
	}
	slices.Sort(images)
	stamp := fmt.Sprint(s.Time.Unix())
	short, _, _ := strings.Cut(s.Family, " ")
	section("checksums", checksums...)
	section("general", "arch = "+s.Arch, "family = "+s.Family, "name = "+s.Family+" "+s.Version, "platforms = "+s.Arch, "timestamp = "+stamp, "version = "+s.Version)
	section("header", "type = productmd.treeinfo", "version = 1.2")
	section("images-"+s.Arch, images...)
	section("release", "name = "+s.Family, "short = "+short, "version = "+s.Version)
	if s.Stage2 != "" {
		section("stage2", "mainimage = "+s.Stage2)
	}
	section("tree", "arch = "+s.Arch, "build_timestamp = "+stamp, "platforms = "+s.Arch)
	return strings.TrimSuffix(b.String(), "\n")
}
