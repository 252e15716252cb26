// Package arch is the one table of the architectures that Quarry builds for: what each is called by RPM, Debian, Go, QEMU
// and EFI, how its machine looks, what starts a disk in it, and what a host needs to have for it. Rooms ask the table; no room
// switches over architecture names of its own.
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
	ELF     ELF    // how its programs are marked
	EFI     string // suffix of EFI programs in lower case, "x64"; empty without UEFI
	Grub    string // grub's target for firmware other than UEFI: "i386-pc"; empty where there is none or grub isn't used
	QEMU    string // "qemu-system-x86_64"
	User    string // "qemu-x86_64-static"
	Machine string // -machine
	Direct  string // appended to Machine when QEMU itself loads a kernel
	Console string // the kernel's console=
	// Port holds QEMU's options that put the console on the character device "console".
	Port []string
	Bus  Bus
	// Seat is what a person sits at, as QEMU's devices: a screen, and a keyboard where the machine has none of its own.
	Seat []string
	// CD is QEMU's CD drive behind, where the machine has none of its own, its controller. USB is the controller of USB devices;
	// empty: the machine has no USB.
	CD  []string
	USB string
	// CPU is QEMU's model by Enterprise Linux major release when it emulates: a fixed one that the release supports. "max", with
	// all that QEMU can emulate, is slower where there is a choice. A release that isn't made for the architecture has none.
	CPU map[string]string
	// Firmware is what can start a disk; the order is the one in which people are told of it.
	Firmware []Firmware
	// Emulator and UserEmulator are the packages of QEMU and User.
	Emulator, UserEmulator Package
}

// Kind is the name of a firmware as pipelines, plans and reports have it.
type Kind string

// The kinds of firmware.
const (
	BIOS Kind = "bios"     // SeaBIOS
	UEFI Kind = "uefi"     // EDK II, on pflash
	SLOF Kind = "slof"     // Open Firmware of the pseries machine
	IPL  Kind = "s390-ccw" // the loader of QEMU's s390x machine, which reads what zipl wrote
)

// Firmware starts a disk.
type Firmware struct {
	Kind Kind
	// Loader are Enterprise Linux's packages of the boot loader that it starts, as Anaconda chooses them.
	Loader []string
	// Flash is where hosts keep it, the preferred place first; empty where QEMU brings it along.
	Flash []Flash
	// Host is the package of Flash.
	Host Package
}

// Flash is a UEFI firmware on a host: the code, and the template of its variables, which every machine gets a copy of.
type Flash struct{ Code, Vars string }

// Package is what a program or a file of a host comes in.
type Package struct {
	Debian string
	// Rocky is the name on Enterprise Linux or, where that has none, on Fedora.
	Rocky string
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

// Has returns the architecture's firmware of a kind; the second result is false where it has none.
func (a Arch) Has(kind Kind) (Firmware, bool) {
	for _, f := range a.Firmware {
		if f.Kind == kind {
			return f, true
		}
	}
	return Firmware{}, false
}

// Kinds are the kinds of firmware that the architecture has.
func (a Arch) Kinds() []Kind {
	var kinds []Kind
	for _, f := range a.Firmware {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

// Own returns what starts a disk where UEFI doesn't; the second result is false where only UEFI does.
func (a Arch) Own() (Firmware, bool) {
	for _, f := range a.Firmware {
		if f.Kind != UEFI {
			return f, true
		}
	}
	return Firmware{}, false
}
