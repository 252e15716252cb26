package main

import (
	"context"
	"os"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/doctor"
	"github.com/quarry-project/quarry/internal/sandbox"
	"github.com/quarry-project/quarry/internal/vm"
)

// architectures are those to look at, and those of them that this host has to be able to build: the named ones or, where none is named, all
// and the host's own.
func architectures(names []string) (wanted []arch.Arch, required map[string]bool, err error) {
	required = map[string]bool{}
	for _, name := range names {
		a, err := arch.Lookup(name)
		if err != nil {
			return nil, nil, err
		}
		wanted, required[name] = append(wanted, a), true
	}
	if len(names) > 0 {
		return wanted, required, nil
	}
	for _, a := range arch.All() {
		wanted, required[a.Name] = append(wanted, a), a.Native()
	}
	return wanted, required, nil
}

// platform looks at what an architecture needs: its QEMU, its firmware, the accelerator and the way of its packages.
func platform(ctx context.Context, a arch.Arch, h doctor.Host, required bool, cacheDir string) []doctor.Finding {
	qemu := doctor.Check(ctx, doctor.QEMU(a), h)
	if !qemu.OK && !a.Native() {
		qemu.Fix = h.Foreign(a.Emulator)
	}
	findings := []doctor.Finding{qemu}
	for _, f := range a.Firmware {
		findings = append(findings, firmware(a, f, h))
	}
	for i := range findings {
		findings[i].Required = required
	}
	return append(findings, accelerator(ctx, a, cacheDir), packagesFinding(a, sandbox.Probe(ctx, a), h))
}

func firmware(a arch.Arch, firmware arch.Firmware, h doctor.Host) doctor.Finding {
	f := doctor.Finding{Name: a.Name + ": firmware " + string(firmware.Kind), For: "booting images as its machines do"}
	if len(firmware.Flash) == 0 {
		f.OK, f.Detail = true, "comes with "+a.QEMU
		return f
	}
	flash, err := vm.FindFlash(a)
	if f.OK, f.Detail = err == nil, flash.Code; err != nil {
		// Unlike emulators, Enterprise Linux has firmware of other architectures.
		f.Detail, f.Fix = err.Error(), h.Install(firmware.Host.Debian, firmware.Host.Rocky)
	}
	return f
}

// packagesFinding says where packages are installed, which is no fault: a machine does it too.
func packagesFinding(a arch.Arch, able sandbox.Ability, h doctor.Host) doctor.Finding {
	f := doctor.Finding{Name: a.Name + ": packages", For: "installing packages in a sandbox, many times faster than in a machine", OK: able.OK, Fix: able.Fix}
	if f.OK {
		f.Detail = "in a sandbox: " + able.Reason
		return f
	}
	f.Detail = "in a machine, slower: " + able.Reason
	if able.Package != (arch.Package{}) {
		f.Fix = h.Foreign(able.Package)
	}
	return f
}

// accelerator says how machines run. Whether KVM works, the first build finds out by using it; here is only looked whether it opens, and what
// is known already.
func accelerator(ctx context.Context, a arch.Arch, cacheDir string) doctor.Finding {
	f := doctor.Finding{Name: a.Name + ": accelerator", For: "running its machines at full speed; else they are emulated"}
	if !a.Native() {
		f.OK, f.Detail = true, "emulation (TCG): KVM runs the host's own architecture only"
		return f
	}
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		if f.Detail = "emulation (TCG): " + err.Error(); os.IsPermission(err) {
			f.Fix = "usermod -aG kvm $USER, then log in again"
		}
		return f
	}
	device.Close()
	accel, why := vm.Known(ctx, a, cacheDir)
	f.OK, f.Detail = accel == vm.KVM, why
	return f
}
