package packaging_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/plan"
)

// kinds are what each builder makes.
func kinds() map[string]packaging.Kind {
	return map[string]packaging.Kind{"disk": packaging.Disk, "pi": packaging.Disk, "rootfs": packaging.Tree}
}

const testRelease = `distro: test
name: Test
release: "9"
version: "9.6"
efi: test
naming: wiki
architectures: [x86_64]
mirror: https://mirror.invalid
tree: $mirror/os
repositories:
  - id: baseos
    baseurl: $mirror/os
keys:
  - url: $mirror/KEY
    trust: mirror
kickstarts:
  source: test
  version: rhel9
machine:
  cpus: 1
  memory: 1GiB
verify:
  user: test
`

// TestPlansAndFormatsAgree tries every output that can be written down, for every builder: what a plan accepts is made by a format, and
// what a format makes is accepted by a plan.
func TestPlansAndFormatsAgree(t *testing.T) {
	formats, compressions, providers := []string{"iso"}, []string{"", "xz"}, []string{"", "hyperv"}
	for _, f := range packaging.All() {
		formats = append(formats, f.Name())
		for _, out := range f.Outputs() {
			compressions, providers = append(compressions, out.Compression), append(providers, out.Provider)
		}
	}
	accepted := 0
	for builder, kind := range kinds() {
		for _, format := range formats {
			tried := map[plan.Output]bool{}
			for _, compression := range compressions {
				for _, provider := range providers {
					out := plan.Output{Format: format, Compression: compression, Provider: provider}
					if tried[out] {
						continue
					}
					tried[out] = true
					f, refused := packaging.Accept(out)
					makes := refused == nil && f.Takes() == kind
					if err := loads(builder, out); (err == nil) != makes {
						t.Errorf("builder %s, %+v: a plan says %v, packaging says %v", builder, out, err, refused)
					}
					if makes {
						accepted++
					}
				}
			}
		}
	}
	if accepted == 0 {
		t.Error("nothing was accepted")
	}
}

// loads is what loading a pipeline with the output says.
func loads(builder string, out plan.Output) error {
	image := fmt.Sprintf("image: A\nbuilder: %s\nkickstart: a.ks\ndisk:\n  size: 1GiB\noutputs:\n  - format: %s\n", builder, out.Format)
	if out.Compression != "" {
		image += "    compression: " + out.Compression + "\n"
	}
	if out.Provider != "" {
		image += "    provider: " + out.Provider + "\n"
	}
	_, err := plan.Load(fstest.MapFS{"test/9/release.yaml": {Data: []byte(testRelease)}, "test/9/a.yaml": {Data: []byte(image)}})
	return err
}
