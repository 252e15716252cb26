package vm

import (
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/test/golden"
)

// release is the one whose machine is looked at: 9, where that is made for the architecture.
func release(a arch.Arch) string {
	if a.CPU["9"] == "" {
		return "10"
	}
	return "9"
}

// build is the machine that installs an image.
func build(a arch.Arch) Machine {
	return Machine{
		Arch: a, Release: release(a), CPUs: 2, MemoryMiB: 2048, Accel: TCG, Events: true, Dir: "/build",
		Kernel: "/tree/vmlinuz", Initrd: "/build/initrd.img", Append: "rdinit=/quarry/agent",
		Drives: []Drive{
			{Path: "/build/disk, new.raw", Format: "raw", Serial: "target", Unsafe: true},
			{Path: "/store/ab/abcd", Format: "raw", Serial: "tree", ReadOnly: true},
		},
	}
}

// boot is the machine that looks at one.
func boot(a arch.Arch, f arch.Kind) Machine {
	return Machine{
		Arch: a, Release: release(a), CPUs: 2, MemoryMiB: 2048, Accel: TCG, Firmware: f, Dir: "/verify", SSH: 2222,
		Drives: []Drive{
			{Path: "/verify/overlay.qcow2", Format: "qcow2"},
			{Path: "/verify/seed.iso", Format: "raw", ReadOnly: true},
		},
	}
}

// seat is the machine that a person would look at a live image in.
func seat(a arch.Arch, f arch.Kind, medium Medium) Machine {
	m := boot(a, f)
	m.Drives = []Drive{{Medium: medium, Path: "/images/live.iso", Format: "raw", ReadOnly: true}}
	m.SSH, m.Seat, m.Guest = 0, true, true
	return m
}

func TestArgs(t *testing.T) {
	for _, a := range arch.All() {
		machines := map[string]Machine{"build": build(a), "cd": seat(a, a.Firmware[0].Kind, CD)}
		if a.USB != "" {
			machines["usb"] = seat(a, a.Firmware[0].Kind, USB)
		}
		for _, f := range a.Firmware {
			machines[string(f.Kind)] = boot(a, f.Kind)
		}
		for name, m := range machines {
			t.Run(a.Name+"-"+name, func(t *testing.T) {
				if m.Firmware == arch.UEFI {
					m.Code, m.Vars = "/usr/share/firmware/CODE.fd", "/verify/uefi-vars.fd"
				}
				argv, err := Args(m)
				if err != nil {
					t.Fatal(err)
				}
				golden.Equal(t, "args/"+a.Name+"-"+name+".txt", strings.Join(argv, "\n")+"\n")
			})
		}
	}
}

func TestArgsVariations(t *testing.T) {
	a := lookup(t, "x86_64")
	host, native := arch.Host()
	for _, test := range []struct {
		name   string
		change func(*Machine)
		want   string
		not    string
	}{
		{"network to the outside", func(m *Machine) { m.Network = true }, "user,id=net0\n", "restrict"},
		{"no network", func(*Machine) {}, "", "-netdev"},
		{"forwarded port only", func(m *Machine) { m.SSH = 22022 }, "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:22022-:22\n", ""},
		{"no events", func(m *Machine) { m.Events = false }, "", "virtserialport"},
		{"dropped writes", func(m *Machine) { m.Drives[0].Snapshot = true }, ",snapshot=on", ""},
		{"no boot order without firmware", func(*Machine) {}, "", "bootindex"},
		{"release 10", func(m *Machine) { m.Release = "10" }, "-cpu\n" + a.CPU["10"] + "\n", ""},
		{"KVM", func(m *Machine) {
			if !native {
				t.Skip("no row for this host")
			}
			m.Arch, m.Accel = host, KVM
		}, "-accel\nkvm\n-cpu\nhost\n", "tcg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := build(a)
			test.change(&m)
			argv, err := Args(m)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(argv, "\n") + "\n"
			if !strings.Contains(text, test.want) || test.not != "" && strings.Contains(text, test.not) {
				t.Errorf("want %q and not %q in:\n%s", test.want, test.not, text)
			}
		})
	}
}

func TestArgsRefuses(t *testing.T) {
	foreign := lookup(t, "s390x")
	if foreign.Native() {
		foreign = lookup(t, "ppc64le")
	}
	for _, test := range []struct {
		name   string
		change func(*Machine)
		want   string
	}{
		{"no architecture", func(m *Machine) { m.Arch = arch.Arch{} }, "needs an architecture"},
		{"no CPU", func(m *Machine) { m.CPUs = 0 }, "at least 1 CPU"},
		{"auto", func(m *Machine) { m.Accel = Auto }, `"auto" can't start a machine`},
		{"foreign KVM", func(m *Machine) { m.Arch, m.Accel = foreign, KVM }, "use tcg"},
		{"unknown release", func(m *Machine) { m.Release = "7" }, "internal/arch"},
		{"no kernel", func(m *Machine) { m.Kernel = "" }, "needs a kernel"},
		{"kernel and firmware", func(m *Machine) { m.Firmware = arch.BIOS }, "loads its kernel from a disk"},
		{"firmware without a disk", func(m *Machine) { *m = boot(m.Arch, arch.BIOS); m.Drives = nil }, "needs a drive"},
		{"UEFI on s390x", func(m *Machine) { *m = boot(lookup(t, "s390x"), arch.UEFI) }, `no firmware "uefi": it has ["s390-ccw"]`},
		{"BIOS on aarch64", func(m *Machine) { *m = boot(lookup(t, "aarch64"), arch.BIOS) }, `no firmware "bios"`},
		{"unknown firmware", func(m *Machine) { m.Firmware = "coreboot" }, `it has ["bios" "uefi"]`},
		{"CD that can be written", func(m *Machine) { m.Drives[0].Medium = CD }, "a CD is raw and read-only"},
		{"USB on s390x", func(m *Machine) { *m = seat(lookup(t, "s390x"), arch.IPL, USB) }, "has no USB"},
		{"unknown medium", func(m *Machine) { m.Drives[0].Medium = "tape" }, `unknown medium "tape"`},
		{"probed format", func(m *Machine) { m.Drives[0].Format = "" }, "neither raw nor qcow2"},
		{"options in a serial", func(m *Machine) { m.Drives[0].Serial = "a,readonly=off" }, "serial"},
		{"relative path", func(m *Machine) { m.Drives[0].Path = "disk.raw" }, "absolute"},
		{"protocol as a path", func(m *Machine) { m.Drives[0].Path = "nbd:unix:/run/s" }, "absolute"},
		{"no such port", func(m *Machine) { m.SSH = 70000 }, "no port"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := build(lookup(t, "x86_64"))
			test.change(&m)
			if argv, err := Args(m); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, %v, want %q", argv, err, test.want)
			}
		})
	}
}

func TestCommandCanBePasted(t *testing.T) {
	text, err := Command(build(lookup(t, "x86_64")))
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "command.txt", text+"\n")
}
