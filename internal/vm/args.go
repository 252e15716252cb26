package vm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
)

// Descriptors that a machine inherits; Start hands them over in this order.
const (
	monitorFD = iota + 3
	eventsFD
	guestFD
	pairs = iota
)

// guestPort is the port on which QEMU's guest agent listens.
const guestPort = "org.qemu.guest_agent.0"

// channels are the back ends of a machine's conversations with the host, in QEMU's words.
type channels struct{ monitor, events, guest string }

func inherited() channels {
	socket := func(id string, fd int) string { return fmt.Sprintf("socket,id=%s,fd=%d", id, fd) }
	return channels{socket("monitor", monitorFD), socket("events", eventsFD), socket("guest", guestFD)}
}

// standalone replaces what only the starting process can give, so that a person can run the same machine in a shell.
func standalone() channels {
	return channels{"null,id=monitor", "file,id=events,path=events.jsonl", "null,id=guest"}
}

// Args returns the command line that Start runs, the program first. It is a pure function of m: it looks at no file.
func Args(m Machine) ([]string, error) { return args(m, inherited()) }

func args(m Machine, ends channels) ([]string, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("machine: %w", err)
	}
	a := []string{m.Arch.QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"}
	a = append(a, m.cpu()...)
	a = append(a, m.start()...)
	a = append(a, "-chardev", "stdio,id=console")
	a = append(a, m.Arch.Port...)
	a = append(a, "-chardev", ends.monitor, "-mon", "chardev=monitor,mode=control")
	a = append(a, "-device", m.virtio("rng"))
	a = append(a, m.seat()...)
	for i, d := range m.Drives {
		a = append(a, m.drive(i, d)...)
	}
	a = append(a, m.ports(ends)...)
	return append(a, m.network()...), nil
}

// ports are what programs in the guest talk to the host through.
func (m Machine) ports(ends channels) []string {
	var a []string
	port := func(wanted bool, id, end, name string) {
		if wanted {
			a = append(a, "-chardev", end, "-device", "virtserialport,bus=ports.0,chardev="+id+",name="+name)
		}
	}
	port(m.Events, "events", ends.events, wire.PortName)
	port(m.Guest, "guest", ends.guest, guestPort)
	if len(a) > 0 {
		a = append([]string{"-device", m.virtio("serial", "id=ports")}, a...)
	}
	return a
}

// seat is a screen, a keyboard, and the controller of what is plugged in.
func (m Machine) seat() []string {
	var devices []string
	if m.Seat {
		devices = m.Arch.Seat
	}
	isUSB := func(device string) bool { return strings.HasPrefix(device, "usb-") }
	if slices.ContainsFunc(devices, isUSB) || slices.ContainsFunc(m.Drives, func(d Drive) bool { return d.Medium == USB }) {
		devices = append([]string{m.Arch.USB}, devices...)
	}
	var a []string
	for _, device := range devices {
		a = append(a, "-device", device)
	}
	return a
}

// virtio names a device on the architecture's bus.
func (m Machine) virtio(kind string, options ...string) string {
	return strings.Join(append([]string{"virtio-" + kind + "-" + string(m.Arch.Bus)}, options...), ",")
}

func (m Machine) cpu() []string {
	accel, cpu := "kvm", "host"
	if m.Accel == TCG {
		accel, cpu = "tcg,thread=multi", m.Arch.CPU[m.Release]
	}
	machine := m.Arch.Machine
	if m.Firmware == Direct {
		machine += m.Arch.Direct
	}
	return []string{"-machine", machine, "-accel", accel, "-cpu", cpu,
		"-smp", strconv.Itoa(m.CPUs), "-m", fmt.Sprintf("size=%dM", m.MemoryMiB)}
}

// start says how the guest begins: with a kernel or with firmware.
func (m Machine) start() []string {
	switch m.Firmware {
	case arch.UEFI:
		return []string{
			"-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + escape(m.Code),
			"-drive", "if=pflash,unit=1,format=raw,file=" + escape(m.Vars),
		}
	case Direct:
		// A kernel that panics reboots at once, and the machine ends with it (-no-reboot).
		line := "console=" + m.Arch.Console + " panic=-1"
		if m.Append != "" {
			line += " " + m.Append
		}
		a := []string{"-kernel", m.Kernel}
		if m.Initrd != "" {
			a = append(a, "-initrd", m.Initrd)
		}
		return append(a, "-append", line)
	}
	return nil
}

func (m Machine) drive(i int, d Drive) []string {
	id := driveID(i)
	back := fmt.Sprintf("if=none,id=%s,format=%s,file=%s", id, d.Format, escape(d.Path))
	if d.Medium == CD {
		back += ",media=cdrom"
	}
	if d.ReadOnly {
		back += ",readonly=on"
	} else {
		back += ",discard=unmap" // what the guest trims becomes a hole in the file
	}
	if d.Snapshot {
		back += ",snapshot=on"
	}
	if d.Unsafe {
		back += ",cache=unsafe"
	}
	options := []string{"drive=" + id}
	if d.Serial != "" {
		options = append(options, "serial="+d.Serial)
	}
	if i == 0 && m.Firmware != Direct {
		options = append(options, "bootindex=1")
	}
	a := []string{"-drive", back}
	for _, device := range m.controllers(d) {
		a = append(a, "-device", device)
	}
	return append(a, "-device", m.reader(d)+","+strings.Join(options, ","))
}

// reader is the device that a medium is in.
func (m Machine) reader(d Drive) string {
	switch d.Medium {
	case CD:
		return m.Arch.CD[len(m.Arch.CD)-1]
	case USB:
		return "usb-storage,removable=on"
	}
	return m.virtio("blk")
}

// controllers are what the reader of a medium needs besides; that of USB is the seat's.
func (m Machine) controllers(d Drive) []string {
	if d.Medium == CD {
		return m.Arch.CD[:len(m.Arch.CD)-1]
	}
	return nil
}

func (m Machine) network() []string {
	if !m.Network && m.SSH == 0 {
		return nil
	}
	back := "user,id=net0"
	if !m.Network {
		back += ",restrict=on"
	}
	if m.SSH != 0 {
		back += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:22", m.SSH)
	}
	options := []string{"netdev=net0"}
	if m.Arch.Bus == arch.PCI {
		options = append(options, "romfile=") // no booting from the network
	}
	return []string{"-netdev", back, "-device", m.virtio("net", options...)}
}

// escape protects a path from QEMU's option parser, where a comma ends a value unless it is doubled.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }

// driveID is QEMU's name of a drive.
func driveID(i int) string { return fmt.Sprintf("drive%d", i) }
