package pebble

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
)

// kernelName matches Debian's package of one kernel; what follows is what the kernel calls itself.
var kernelName = regexp.MustCompile(`^linux-image-(\d.*)$`)

// A kernel is the pair of names of one kernel.
//
// EL names the folder under /lib/modules VERSION-RELEASE.ARCH, and so does Pebble. The release compiled into Debian's kernel is
// another one and can't be changed, so a link with that name leads to the folder, in the system and (by a dracut module of ours)
// in the initramfs.
type kernel struct {
	Uname string // what the kernel calls itself: "6.1.0-37-cloud-amd64"
	Name  string // EL's: "6.1.140-1.x86_64"
}

const modulesDir = "/usr/lib/modules/"

// findKernel finds the closure's kernel.
func findKernel(controls []control, a arch.Arch) (kernel, control, bool) {
	for _, c := range controls {
		if m := kernelName.FindStringSubmatch(c.Package); m != nil {
			v, r := rpmVersion(c.Version)
			return kernel{Uname: m[1], Name: fmt.Sprintf("%s-%s.%s", v, r, a.Name)}, c, true
		}
	}
	return kernel{}, control{}, false
}

// The Raspberry Pi has a kernel of its own, in a repository of its own, with its image where the firmware looks.
const (
	piKernel = "raspberrypi2-kernel4"
	piImage  = "/boot/kernel8.img"
)

// kernelRules makes EL's kernel packages of Debian's one, with keep of what all packages drop.
func kernelRules(k kernel, c control, a arch.Arch, keep []string) []rule {
	uname := "kernel-uname-r = " + k.Name
	depmod := fmt.Sprintf("/usr/sbin/depmod -a %s || :\n", k.Name)
	rules := []rule{
		{Name: "kernel", Debs: []string{c.Package}, Summary: "The Linux kernel", kernel: &k,
			Requires: []string{"kernel-core", "kernel-modules-core", "kernel-modules"}},
		{Name: "kernel-core", Debs: []string{c.Package}, Stage2: true, kernel: &k,
			Requires:   []string{"kernel-modules-core", "systemd-udev", "dracut", "kmod", "coreutils"},
			Recommends: []string{"linux-firmware"}, Provides: []string{uname, "installonlypkg(kernel)"},
			Ghost:     []string{"/boot/vmlinuz-" + k.Name, "/boot/initramfs-" + k.Name + ".img"},
			Posttrans: fmt.Sprintf("/usr/bin/kernel-install add %s /lib/modules/%[1]s/vmlinuz || exit $?\n", k.Name),
			Preun:     fmt.Sprintf("/usr/bin/kernel-install remove %s || :\n", k.Name)},
		{Name: "kernel-modules-core", Debs: []string{c.Package}, Stage2: true, kernel: &k,
			Requires: []string{"kmod"}, Posttrans: depmod},
		{Name: "kernel-modules", Debs: []string{c.Package}, kernel: &k,
			Requires: []string{"kernel-modules-core"}, Posttrans: depmod},
		{Name: "kernel-modules-extra", Debs: []string{c.Package}, kernel: &k,
			Requires: []string{"kernel-modules"}, Posttrans: depmod},
		// What builds modules: only the names and versions, which scripts ask for.
		{Name: "kernel-headers", Debs: []string{c.Package}, Summary: "Empty stand-in (Pebble): header files of the Linux kernel", kernel: &k, Repo: "appstream"},
		{Name: "kernel-devel", Debs: []string{c.Package}, Summary: "Empty stand-in (Pebble): development package for building kernel modules", kernel: &k,
			Repo: "appstream", Provides: []string{"kernel-devel-uname-r = " + k.Name}},
	}
	if a.Name == "aarch64" {
		rules = append(rules, rule{Name: piKernel, Debs: []string{c.Package}, Repo: "rockyrpi", kernel: &k,
			Summary:  "A stand-in (Pebble) for the Raspberry Pi's kernel: Debian's kernel where the firmware looks for it, and fakes of device trees",
			Requires: []string{"kmod", "dracut", "coreutils"}, Provides: []string{"kernel", uname},
			Fakes: []string{"/boot/bcm2710-rpi-3-b.dtb", "/boot/bcm2710-rpi-3-b-plus.dtb", "/boot/bcm2711-rpi-4-b.dtb",
				"/boot/overlays/disable-bt.dtbo"},
			Ghost:     []string{"/boot/initramfs8"},
			Posttrans: depmod + fmt.Sprintf("/usr/bin/dracut -f /boot/initramfs8 %s || exit $?\n", k.Name)})
	}
	for i := range rules {
		rules[i].Keep = keep
	}
	return rules
}

// modulesPackage is the package that has a module: one that a virtual machine's server needs is in kernel-modules-core.
func modulesPackage(p string) string {
	for _, in := range []struct {
		name string
		dirs []string
	}{
		{"kernel-modules", []string{"drivers/gpu", "drivers/usb", "drivers/hid", "drivers/input", "drivers/ata", "sound"}},
		{"kernel-modules-extra", []string{"net/sctp", "net/tipc", "net/rds"}},
	} {
		if slices.ContainsFunc(in.dirs, func(dir string) bool { return strings.Contains(p, "/kernel/"+dir+"/") }) {
			return in.name
		}
	}
	return "kernel-modules-core"
}

// split keeps of Debian's kernel the files that belong to the EL package called name, at the places where EL has them.
func (k kernel) split(name string, all files) files {
	mine := files{}
	for p, f := range all {
		var to string
		owner := "kernel-core"
		switch {
		case p == "/boot/vmlinuz-"+k.Uname || p == "/boot/vmlinux-"+k.Uname:
			to = modulesDir + k.Name + "/vmlinuz"
		case p == "/boot/config-"+k.Uname:
			to = modulesDir + k.Name + "/config"
		case strings.HasPrefix(p, modulesDir+k.Uname+"/"):
			to = modulesDir + k.Name + strings.TrimPrefix(p, modulesDir+k.Uname)
			owner = modulesPackage(p)
		default:
			continue
		}
		if name == piKernel && strings.HasSuffix(to, "/vmlinuz") {
			to = piImage
		}
		if owner == name || name == piKernel {
			f.Path = to
			mine.add(f)
		}
	}
	if name == "kernel-modules-core" || name == piKernel {
		mine.add(file{Path: modulesDir + k.Uname, Mode: typeLink | 0o777, Body: []byte(k.Name), MTime: epoch})
	}
	return mine
}
