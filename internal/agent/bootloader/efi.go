package bootloader

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
)

// efiDir holds the loaders' folders on the EFI system partition.
const efiDir = "boot/efi/EFI"

// fallbackLoader is what firmware starts from a disk that it has no entry for: UEFI specification 3.5.1.1.
func fallbackLoader(a arch.Arch) string {
	return path.Join(efiDir, "BOOT", "BOOT"+strings.ToUpper(a.EFI)+".EFI")
}

// efi makes the EFI system partition complete. Its programs come from packages (shim, grub2-efi); what they lack is the link to the menu on
// /boot, and, with some, the fallback loader that a disk without NVRAM entries starts by.
func efi(_ context.Context, t Target, b wire.Bootloader) error {
	if t.Arch.EFI == "" {
		return nil
	}
	if _, ok := storage.At(t.Contents, "/boot/efi"); !ok {
		t.Log("bootloader: there is no /boot/efi, so the image doesn't start by UEFI")
		return nil
	}
	folders, err := t.list(efiDir)
	if err != nil {
		return err
	}
	stub, err := efiStub(t.Contents)
	if err != nil {
		return err
	}
	loaders := map[string][]string{} // folder: grub's programs in it
	for _, folder := range folders {
		names, err := t.list(path.Join(efiDir, folder))
		if err != nil {
			continue // a file
		}
		for _, name := range names {
			if lower := strings.ToLower(name); strings.HasSuffix(lower, ".efi") {
				loaders[folder] = append(loaders[folder], name)
			}
		}
		if slices.ContainsFunc(names, isGrub) || strings.EqualFold(folder, b.EFIDir) {
			if err := t.write(path.Join(efiDir, folder, "grub.cfg"), stub); err != nil {
				return err
			}
		}
	}
	if len(loaders) == 0 {
		t.Log("bootloader: there is no program on /boot/efi, so the image doesn't start by UEFI: add shim and grub2-efi to %packages")
		return nil
	}
	return fallback(t, loaders)
}

func isGrub(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, "grub") && strings.HasSuffix(lower, ".efi")
}

// efiStub is the grub.cfg beside grub's EFI program: it finds the file system that holds /boot and goes on with the menu there.
func efiStub(contents []storage.Content) (string, error) {
	prefix, at := "/grub2", "/boot"
	c, ok := storage.At(contents, at)
	if !ok {
		prefix, at = "/boot/grub2", "/"
		if c, ok = storage.At(contents, at); !ok {
			return "", fmt.Errorf("there is no file system for /boot")
		}
	}
	return fmt.Sprintf("search --no-floppy --fs-uuid --set=dev %s\nset prefix=($dev)%s\nexport $prefix\nconfigfile $prefix/grub.cfg\n", c.UUID, prefix), nil
}

// fallback copies the distribution's shim, or grub where there is none, to the place that firmware looks at by itself. Shim
// starts the grub that is beside it, which goes along.
func fallback(t Target, loaders map[string][]string) error {
	to := fallbackLoader(t.Arch)
	if t.has(to) {
		return nil
	}
	for _, folder := range slices.Sorted(maps.Keys(loaders)) {
		names := loaders[folder]
		grub := slices.IndexFunc(names, isGrub)
		if grub < 0 {
			continue
		}
		first := grub
		if shim := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, "shim"+t.Arch.EFI+".efi") }); shim >= 0 {
			first = shim
			if err := t.copyFile(path.Join(efiDir, folder, names[grub]), path.Join(path.Dir(to), names[grub])); err != nil {
				return err
			}
		}
		return t.copyFile(path.Join(efiDir, folder, names[first]), to)
	}
	t.Warn("bootloader: no grub was found on /boot/efi, so the image may not start by UEFI")
	return nil
}

func (t Target) copyFile(from, to string) error {
	data, err := t.Root.ReadFile(from)
	if err != nil {
		return err
	}
	return t.write(to, string(data))
}
