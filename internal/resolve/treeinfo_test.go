package resolve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/digest"
)

// The files have the form of release 9's trees; the digest of each image is that of its path.
func TestTreeinfoOfEveryArchitecture(t *testing.T) {
	for name, want := range map[string]struct{ kernel, initrd string }{
		"x86_64":  {"images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"},
		"aarch64": {"images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"},
		"ppc64le": {"ppc/ppc64/vmlinuz", "ppc/ppc64/initrd.img"},
		"s390x":   {"images/kernel.img", "images/initrd.img"},
	} {
		data, err := os.ReadFile(filepath.Join("testdata", "treeinfo-"+name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseTreeinfo(data, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.kernel != want.kernel || got.initrd != want.initrd || got.stage2 != "images/install.img" || got.version != "9.6" {
			t.Errorf("%s: %+v", name, got)
		}
		for _, path := range []string{got.kernel, got.initrd, got.stage2} {
			if got.checksums[path] != digest.Bytes([]byte(path)) {
				t.Errorf("%s: the checksum of %s is %q", name, path, got.checksums[path])
			}
		}
		for _, other := range []string{"x86_64", "s390x"} {
			if _, err := parseTreeinfo(data, other); (err == nil) != (other == name) || err != nil && !strings.Contains(err.Error(), "the tree is for "+name) {
				t.Errorf("%s taken for %s: %v", name, other, err)
			}
		}
	}
}
