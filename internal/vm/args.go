package vm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
)

// Descriptors that a machine inherits; Start hands them over in this order.
const (
	monitorFD = 3
	eventsFD  = 4
)

// channels are the back ends of a machine's two conversations with the host, in QEMU's words.
type channels struct{ monitor, events string }

func inherited() channels {
	return channels{monitor: fmt.Sprintf("socket,id=monitor,fd=%d", monitorFD), events: fmt.Sprintf("socket,id=events,fd=%d", eventsFD)}
}

// standalone replaces what only the starting process can give, so that a person can run the same machine in a shell.
func standalone() channels {
	return channels{monitor: "null,id=monitor", events: "file,id=events,path=events.jsonl"}
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
	for i, d := range m.Drives {
		a = append(a, m.drive(i, d)...)
	}
	if m.Events {
		a = append(a, "-chardev", ends.events, "-device", m.virtio("serial", "id=ports"),
			"-device", "virtserialport,bus=ports.0,chardev=events,name="+wire.PortName)
	}
	return append(a, m.network()...), nil
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
	id := fmt.Sprintf("drive%d", i)
	back := fmt.Sprintf("if=none,id=%s,format=%s,file=%s", id, d.Format, escape(d.Path))
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
	return []string{"-drive", back, "-device", m.virtio("blk", options...)}
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
