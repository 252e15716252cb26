package vm

import (
	"fmt"
	"os"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
)

// Flash is a UEFI firmware: the code, and the template of its variables, which every machine gets a copy of.
type Flash struct{ Code, Vars string }

// flashes lists where distributions keep firmware that enforces no secure boot, the preferred first; the last resort of x86_64 is one
// that could, with empty variables, so without keys it doesn't.
func flashes() map[string][]Flash {
	return map[string][]Flash{
		"x86_64": {
			{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},             // Debian, Ubuntu
			{"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},                   // Debian 11
			{"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},         // Fedora, Enterprise Linux
			{"/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"}, // Enterprise Linux 8
			{"/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"},     // Arch
			{"/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"},
		},
		"aarch64": {
			{"/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"}, // Debian 13
			{"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"},            // Debian, Ubuntu
			{"/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
			{"/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"},
		},
	}
}

// FindFlash returns the UEFI firmware that this host has for a. The error names the packages that hold one.
func FindFlash(a arch.Arch) (Flash, error) {
	candidates := flashes()[a.Name]
	if len(candidates) == 0 {
		return Flash{}, fmt.Errorf("%s has no UEFI", a.Name)
	}
	var tried []string
	for _, f := range candidates {
		if readable(f.Code) && readable(f.Vars) {
			return f, nil
		}
		tried = append(tried, f.Code)
	}
	install := "ovmf on Debian, edk2-ovmf on Rocky and Fedora"
	if a.Name == "aarch64" {
		install = "qemu-efi-aarch64 on Debian, edk2-aarch64 on Rocky and Fedora"
	}
	return Flash{}, fmt.Errorf("no UEFI firmware for %s on this host: install %s (looked for %s)", a.Name, install, strings.Join(tried, ", "))
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return err == nil
}
