// Package arch is the one table of the architectures that Quarry builds for: what each is called by RPM, Debian, Go, QEMU
// and EFI, and how its machine looks. Rooms ask the table; no room switches over architecture names of its own.
package arch

import (
	"fmt"
	"runtime"
	"strings"
)

// Bus is how virtio devices are attached.
type Bus string

// The buses.
const (
	PCI Bus = "pci"
	CCW Bus = "ccw" // s390x channel I/O
)

// Arch is one architecture.
type Arch struct {
	Name    string // RPM's $basearch: "x86_64"
	Debian  string // "amd64"; only the test distribution needs it
	Go      string // GOARCH
	EFI     string // suffix of EFI programs in lower case, "x64"; empty without UEFI
	Grub    string // grub's target for firmware other than UEFI: "i386-pc"; empty where there is none or grub isn't used
	QEMU    string // "qemu-system-x86_64"
	User    string // "qemu-x86_64-static"
	Machine string // -machine
	Direct  string // appended to Machine when QEMU itself loads a kernel
	BIOS    bool   // the machine has firmware of its own that boots disks: SeaBIOS, SLOF, s390-ccw
	Console string // the kernel's console=
	// Port holds QEMU's options that put the console on the character device "console".
	Port []string
	Bus  Bus
	// CPU is QEMU's model by Enterprise Linux major release when it emulates: a fixed one that the release supports. "max", with
	// all that QEMU can emulate, is slower where there is a choice.
	CPU map[string]string
}

// table has a row an architecture; adding one is adding a row.
func table() []Arch {
	return []Arch{
		{
			Name: "x86_64", Debian: "amd64", Go: "amd64", EFI: "x64", Grub: "i386-pc",
			QEMU: "qemu-system-x86_64", User: "qemu-x86_64-static", Machine: "q35", BIOS: true,
			Console: "ttyS0", Port: []string{"-serial", "chardev:console"}, Bus: PCI,
			// Linux isolates its page tables on Intel's models of old, which makes every system call ten times as expensive under
			// emulation; on AMD's it need not. EPYC is x86-64-v3, which release 10 demands.
			CPU: map[string]string{"8": "EPYC", "9": "EPYC", "10": "EPYC"},
		},
		{
			Name: "aarch64", Debian: "arm64", Go: "arm64", EFI: "aa64",
			QEMU: "qemu-system-aarch64", User: "qemu-aarch64-static", Machine: "virt,gic-version=max",
			Console: "ttyAMA0", Port: []string{"-serial", "chardev:console"}, Bus: PCI,
			CPU: map[string]string{"8": "cortex-a72", "9": "cortex-a72", "10": "cortex-a72"},
		},
		{
			Name: "ppc64le", Debian: "ppc64el", Go: "ppc64le", Grub: "powerpc-ieee1275",
			QEMU: "qemu-system-ppc64", User: "qemu-ppc64le-static", Machine: "pseries", Direct: ",x-vof=on", BIOS: true,
			Console: "hvc0", Port: []string{"-device", "spapr-vty,chardev=console"}, Bus: PCI,
			CPU: map[string]string{"8": "power9", "9": "power9", "10": "power9"},
		},
		{
			Name: "s390x", Debian: "s390x", Go: "s390x",
			QEMU: "qemu-system-s390x", User: "qemu-s390x-static", Machine: "s390-ccw-virtio", BIOS: true,
			Console: "ttysclp0", Port: []string{"-device", "sclpconsole,chardev=console"}, Bus: CCW,
			CPU: map[string]string{"8": "max", "9": "max", "10": "max"},
		},
	}
}

// All returns every architecture, in the order in which they are listed to people.
func All() []Arch { return table() }

// Names returns RPM's names of all architectures.
func Names() []string {
	var names []string
	for _, a := range table() {
		names = append(names, a.Name)
	}
	return names
}

// Lookup finds an architecture by RPM's name.
func Lookup(name string) (Arch, error) {
	for _, a := range table() {
		if a.Name == name {
			return a, nil
		}
	}
	return Arch{}, fmt.Errorf("unknown architecture %q: want one of %s", name, strings.Join(Names(), ", "))
}

// Host returns the architecture that this program runs on. The second result is false where Quarry has no row for it.
func Host() (Arch, bool) {
	for _, a := range table() {
		if a.Go == runtime.GOARCH {
			return a, true
		}
	}
	return Arch{}, false
}

// Native reports whether a runs on this host without emulation.
func (a Arch) Native() bool { return a.Go == runtime.GOARCH }
