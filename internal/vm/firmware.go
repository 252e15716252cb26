package vm

import (
	"fmt"
	"os"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
)

// FindFlash returns the UEFI firmware that this host has for a. The error names the packages that hold one.
func FindFlash(a arch.Arch) (arch.Flash, error) {
	uefi, ok := a.Has(arch.UEFI)
	if !ok {
		return arch.Flash{}, fmt.Errorf("%s has no UEFI", a.Name)
	}
	var tried []string
	for _, f := range uefi.Flash {
		if readable(f.Code) && readable(f.Vars) {
			return f, nil
		}
		tried = append(tried, f.Code)
	}
	return arch.Flash{}, fmt.Errorf("no UEFI firmware for %s on this host: install %s on Debian, %s on Rocky and Fedora (looked for %s)",
		a.Name, uefi.Host.Debian, uefi.Host.Rocky, strings.Join(tried, ", "))
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return err == nil
}
