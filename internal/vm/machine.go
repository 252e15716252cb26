package vm

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/quarry-project/quarry/internal/arch"
)

// Accel is how QEMU runs the guest's instructions.
type Accel string

// The accelerators. Auto is a wish, not something a machine can be started with: Probe decides it.
const (
	Auto Accel = "auto"
	KVM  Accel = "kvm"
	TCG  Accel = "tcg" // emulation
)

// ParseAccel reads what people write.
func ParseAccel(s string) (Accel, error) {
	switch a := Accel(s); a {
	case Auto, KVM, TCG:
		return a, nil
	}
	return "", fmt.Errorf("unknown accelerator %q: want auto, kvm or tcg", s)
}

// Direct stands where a machine has no firmware: QEMU loads Machine.Kernel.
const Direct arch.Kind = ""

// Machine describes a machine; it is a pure value, and starting it is Start's work.
type Machine struct {
	Arch      arch.Arch
	Release   string // major release of the guest's distribution: chooses the emulated CPU
	CPUs      int
	MemoryMiB int
	Accel     Accel
	Firmware  arch.Kind // Direct, or one that Arch has: it starts the first drive
	Kernel    string    // with Direct: paths, and what is added to the kernel's command line
	Initrd    string
	Append    string
	Code      string // with UEFI: path of the read-only firmware, and
	Vars      string // of the writable variables; Start fills both when they are empty
	Drives    []Drive
	SSH       int    // port on 127.0.0.1 that is forwarded to the guest's port 22; 0 is none
	Network   bool   // user-mode network to the outside; without it a guest reaches nothing but its own forwarded port
	Events    bool   // an agent in the guest will report: give it a port
	Guest     bool   // a QEMU guest agent may run in the guest: give it a port
	Seat      bool   // a screen and a keyboard
	Dir       string // existing folder for console.log, qemu.log, command.txt and the firmware's variables
}

// Medium is what a drive is to the guest.
type Medium string

// The media. A CD can't be written.
const (
	Disk Medium = ""    // a virtio disk
	CD   Medium = "cd"  // in the drive that a machine of the architecture has
	USB  Medium = "usb" // a stick
)

// Drive is a disk. The first one is where firmware boots from and, if it is a virtio disk, what Linux calls vda.
type Drive struct {
	Medium   Medium
	Path     string
	Format   string // "raw" or "qcow2"; never probed, a guest could have written what QEMU would find
	Serial   string // how the guest finds it: /sys/class/block/*/serial
	ReadOnly bool
	Snapshot bool // writes go to a temporary file and are dropped
	Unsafe   bool // flushes are ignored: for a disk that is thrown away unless everything goes well
}

// serials that virtio-blk can carry and that mean nothing to QEMU's option parser.
var serials = regexp.MustCompile(`^[A-Za-z0-9_-]{0,20}$`)

// check refuses machines that can't be started, before QEMU says so in its own words.
func (m Machine) check() error {
	switch {
	case m.Arch.QEMU == "":
		return fmt.Errorf("a machine needs an architecture")
	case m.CPUs < 1 || m.MemoryMiB < 64:
		return fmt.Errorf("a machine needs at least 1 CPU and 64 MiB of memory, not %d and %d", m.CPUs, m.MemoryMiB)
	case m.SSH < 0 || m.SSH > 65535:
		return fmt.Errorf("%d is no port", m.SSH)
	}
	switch m.Accel {
	case TCG:
		if m.Arch.CPU[m.Release] == "" {
			return fmt.Errorf("no CPU is known for release %q on %s: add it to the table in internal/arch", m.Release, m.Arch.Name)
		}
	case KVM:
		if !m.Arch.Native() {
			return fmt.Errorf("KVM can't run %s on this host: use tcg", m.Arch.Name)
		}
	default:
		return fmt.Errorf("accelerator %q can't start a machine: want kvm or tcg", m.Accel)
	}
	if err := m.checkFirmware(); err != nil {
		return err
	}
	for _, d := range m.Drives {
		if d.Format != "raw" && d.Format != "qcow2" {
			return fmt.Errorf("drive %s: format %q is neither raw nor qcow2", d.Path, d.Format)
		}
		if err := m.checkMedium(d); err != nil {
			return fmt.Errorf("drive %s: %w", d.Path, err)
		}
		if !serials.MatchString(d.Serial) {
			return fmt.Errorf("drive %s: serial %q is not up to 20 letters, digits, - and _", d.Path, d.Serial)
		}
	}
	for _, path := range m.files() {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%q is not an absolute path", path)
		}
	}
	return nil
}

func (m Machine) checkMedium(d Drive) error {
	switch {
	case d.Medium == CD && (!d.ReadOnly || d.Format != "raw"):
		return fmt.Errorf("a CD is raw and read-only")
	case d.Medium == USB && m.Arch.USB == "":
		return fmt.Errorf("a machine of %s has no USB", m.Arch.Name)
	case !slices.Contains([]Medium{Disk, CD, USB}, d.Medium):
		return fmt.Errorf("unknown medium %q", d.Medium)
	}
	return nil
}

func (m Machine) checkFirmware() error {
	if m.Firmware == Direct {
		if m.Kernel == "" {
			return fmt.Errorf("a machine without firmware needs a kernel")
		}
		return nil
	}
	if _, ok := m.Arch.Has(m.Firmware); !ok {
		return fmt.Errorf("%s has no firmware %q: it has %q", m.Arch.Name, m.Firmware, m.Arch.Kinds())
	}
	if m.Kernel != "" || m.Initrd != "" || m.Append != "" {
		return fmt.Errorf("a machine with firmware %s loads its kernel from a disk, not from %q", m.Firmware, m.Kernel)
	}
	if len(m.Drives) == 0 {
		return fmt.Errorf("a machine with firmware %s needs a drive to boot from", m.Firmware)
	}
	return nil
}

// files are the paths that QEMU opens.
func (m Machine) files() []string {
	var paths []string
	for _, path := range []string{m.Kernel, m.Initrd, m.Code, m.Vars} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	for _, d := range m.Drives {
		paths = append(paths, d.Path)
	}
	return paths
}
