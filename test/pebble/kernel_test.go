package pebble

import (
	"slices"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
)

func TestKernel(t *testing.T) {
	a, err := arch.Lookup("aarch64")
	if err != nil {
		t.Fatal(err)
	}
	k, c, ok := findKernel([]control{{Package: "linux-image-cloud-arm64"}, {Package: "linux-image-6.1.0-37-cloud-arm64", Version: "6.1.140-1"}}, a)
	if !ok || k != (kernel{Uname: "6.1.0-37-cloud-arm64", Name: "6.1.140-1.aarch64"}) || c.Version != "6.1.140-1" {
		t.Fatalf("findKernel: %+v %v", k, ok)
	}
	all := files{}
	for _, p := range []string{"/boot/vmlinuz-" + k.Uname, "/boot/config-" + k.Uname, "/usr/lib/modules/" + k.Uname + "/kernel/fs/xfs/xfs.ko",
		"/usr/lib/modules/" + k.Uname + "/kernel/drivers/usb/x.ko", "/usr/lib/modules/" + k.Uname + "/kernel/net/sctp/sctp.ko", "/usr/share/doc/x"} {
		all.add(file{Path: p, Mode: typeFile | 0o644})
	}
	base := "/usr/lib/modules/6.1.140-1.aarch64"
	for name, want := range map[string][]string{
		"kernel":               {},
		"kernel-core":          {base + "/config", base + "/vmlinuz"},
		"kernel-modules-core":  {"/usr/lib/modules/" + k.Uname, base + "/kernel/fs/xfs/xfs.ko"},
		"kernel-modules":       {base + "/kernel/drivers/usb/x.ko"},
		"kernel-modules-extra": {base + "/kernel/net/sctp/sctp.ko"},
		"kernel-devel":         {},
		piKernel: {piImage, "/usr/lib/modules/" + k.Uname, base + "/config", base + "/kernel/drivers/usb/x.ko", base + "/kernel/fs/xfs/xfs.ko",
			base + "/kernel/net/sctp/sctp.ko"},
	} {
		got := []string{}
		for _, f := range k.split(name, all).sorted() {
			got = append(got, f.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	x, err := arch.Lookup("x86_64")
	if err != nil {
		t.Fatal(err)
	}
	if on, off := len(kernelRules(k, c, a, nil)), len(kernelRules(k, c, x, nil)); on != off+1 {
		t.Errorf("%d packages of the kernel on aarch64 and %d on x86_64: only aarch64 has the Pi's", on, off)
	}
}
