package arch

import (
	"debug/elf"
)

// serial puts the console on the machine's first serial port.
func serial() []string { return []string{"-serial", "chardev:console"} }

// xhci is the controller that all firmware with USB knows.
const xhci = "qemu-xhci"

// releases gives every release from the oldest that Quarry builds the same CPU model.
func releases(model string) map[string]string {
	return map[string]string{"8": model, "9": model, "10": model}
}

// table has a row an architecture; adding one is adding a row.
func table() []Arch {
	return []Arch{
		{
			Name: "x86_64", Debian: "amd64", Go: "amd64", ELF: ELF{Machine: elf.EM_X86_64}, EFI: "x64", Grub: "i386-pc",
			QEMU: "qemu-system-x86_64", User: "qemu-x86_64-static", Machine: "q35",
			Console: "ttyS0", Port: serial(), Bus: PCI,
			Seat: []string{"VGA"}, CD: []string{"ide-cd"}, USB: xhci,
			// Linux isolates its page tables on Intel's models of old, which makes every system call ten times as expensive under
			// emulation; on AMD's it need not. EPYC is x86-64-v3, which release 10 demands. With svm, systems load kvm, which patches the
			// kernel's code and stops all CPUs for it each time: emulated ones on a busy host were seen to stand still there for good.
			CPU: releases("EPYC,svm=off"),
			Firmware: []Firmware{
				{Kind: BIOS, Loader: []string{"grub2-pc", "grub2-pc-modules", "grub2-tools"}},
				{
					Kind: UEFI, Loader: []string{"shim-x64", "grub2-efi-x64", "efibootmgr", "grub2-tools"}, Host: Package{"ovmf", "edk2-ovmf"},
					// None enforces secure boot; the one that could is the last resort, and with empty variables, so without keys, it doesn't.
					Flash: []Flash{
						{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},             // Debian, Ubuntu
						{"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},                   // Debian 11
						{"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},         // Fedora, Enterprise Linux
						{"/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"}, // Enterprise Linux 8
						{"/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"},     // Arch
						{"/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"},
					},
				},
			},
			Emulator: Package{"qemu-system-x86", "qemu-system-x86"}, UserEmulator: Package{"qemu-user-static", "qemu-user-static-x86"},
		},
		{
			Name: "aarch64", Debian: "arm64", Go: "arm64", ELF: ELF{Machine: elf.EM_AARCH64}, EFI: "aa64",
			QEMU: "qemu-system-aarch64", User: "qemu-aarch64-static", Machine: "virt,gic-version=max",
			Console: "ttyAMA0", Port: serial(), Bus: PCI,
			Seat: []string{"virtio-gpu-pci", "usb-kbd"}, CD: []string{"virtio-scsi-pci", "scsi-cd"}, USB: xhci,
			CPU: releases("cortex-a72"),
			Firmware: []Firmware{{
				Kind: UEFI, Loader: []string{"shim-aa64", "grub2-efi-aa64", "efibootmgr", "grub2-tools"}, Host: Package{"qemu-efi-aarch64", "edk2-aarch64"},
				Flash: []Flash{
					{"/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"}, // Debian 13
					{"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"},            // Debian, Ubuntu
					{"/usr/share/edk2/aarch64/QEMU_EFI-silent-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
					{"/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
					{"/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"},
				},
			}},
			Emulator: Package{"qemu-system-arm", "qemu-system-aarch64"}, UserEmulator: Package{"qemu-user-static", "qemu-user-static-aarch64"},
		},
		{
			Name: "ppc64le", Debian: "ppc64el", Go: "ppc64le", ELF: ELF{Machine: elf.EM_PPC64}, Grub: "powerpc-ieee1275",
			QEMU: "qemu-system-ppc64", User: "qemu-ppc64le-static", Machine: "pseries", Direct: ",x-vof=on",
			Console: "hvc0", Port: []string{"-device", "spapr-vty,chardev=console"}, Bus: PCI,
			Seat: []string{"VGA", "usb-kbd"}, CD: []string{"virtio-scsi-pci", "scsi-cd"}, USB: xhci,
			CPU:      releases("power9"),
			Firmware: []Firmware{{Kind: SLOF, Loader: []string{"grub2-ppc64le", "grub2-ppc64le-modules", "grub2-tools"}}},
			Emulator: Package{"qemu-system-ppc", "qemu-system-ppc"}, UserEmulator: Package{"qemu-user-static", "qemu-user-static-ppc"},
		},
		{
			Name: "s390x", Debian: "s390x", Go: "s390x", ELF: ELF{Machine: elf.EM_S390, Big: true},
			QEMU: "qemu-system-s390x", User: "qemu-s390x-static", Machine: "s390-ccw-virtio",
			Console: "ttysclp0", Port: []string{"-device", "sclpconsole,chardev=console"}, Bus: CCW,
			Seat: []string{"virtio-gpu-ccw", "virtio-keyboard-ccw"}, CD: []string{"virtio-scsi-ccw", "scsi-cd"},
			// QEMU refuses to emulate the named models that release 9 demands (z14): it lacks some of their facilities.
			CPU:      releases("max"),
			Firmware: []Firmware{{Kind: IPL, Loader: []string{"s390utils-base"}}},
			Emulator: Package{"qemu-system-misc", "qemu-system-s390x"}, UserEmulator: Package{"qemu-user-static", "qemu-user-static-s390x"},
		},
		{
			Name: "riscv64", Debian: "riscv64", Go: "riscv64", ELF: ELF{Machine: elf.EM_RISCV}, EFI: "riscv64",
			QEMU: "qemu-system-riscv64", User: "qemu-riscv64-static", Machine: "virt",
			Console: "ttyS0", Port: serial(), Bus: PCI,
			Seat: []string{"virtio-gpu-pci", "usb-kbd"}, CD: []string{"virtio-scsi-pci", "scsi-cd"}, USB: xhci,
			CPU: map[string]string{"10": "rv64"}, // the first release that there is for it
			Firmware: []Firmware{{
				Kind: UEFI, Loader: []string{"grub2-efi-riscv64", "efibootmgr", "grub2-tools"}, Host: Package{"qemu-efi-riscv64", "edk2-riscv64"},
				Flash: []Flash{
					{"/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd", "/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd"}, // Debian 13
					{"/usr/share/edk2/riscv/RISCV_VIRT_CODE.fd", "/usr/share/edk2/riscv/RISCV_VIRT_VARS.fd"},             // Fedora
				},
			}},
			Emulator: Package{"qemu-system-misc", "qemu-system-riscv"}, UserEmulator: Package{"qemu-user-static", "qemu-user-static-riscv"},
		},
	}
}
