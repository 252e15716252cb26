package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/kickstart"
)

// storagePackages are the tools of a file system or a volume manager.
func storagePackages() map[string][]string {
	return map[string][]string{
		"xfs":  {"xfsprogs"},
		"ext2": {"e2fsprogs"}, "ext3": {"e2fsprogs"}, "ext4": {"e2fsprogs"},
		"efi": {"dosfstools"}, "vfat": {"dosfstools"},
		"lvm": {"lvm2"},
	}
}

// boots says which firmwares the storage has room for a boot loader of: UEFI, and the machine's own where it has another.
type boots struct {
	uefi, own      bool
	forUEFI, other []string // packages of the boot loaders
}

func bootsOf(ks *kickstart.File, a arch.Arch) boots {
	_, auto := ks.AutoPart()
	_, required := ks.ReqPart()
	var esp, embedding bool
	for _, part := range ks.Partitions() {
		esp = esp || part.Mount == "/boot/efi" || part.FSType == "efi"
		embedding = embedding || part.Mount == "biosboot" || part.Mount == "prepboot"
	}
	uefi, hasUEFI := a.Has(arch.UEFI)
	own, hasOwn := a.Own()
	return boots{
		uefi: hasUEFI && (auto || required || esp), forUEFI: uefi.Loader,
		own: hasOwn && (auto || required || embedding || !esp), other: own.Loader,
	}
}

// platformPackages returns what Anaconda adds to the kickstart's own packages, and the boot loader of the other firmware, which %post may add.
// All of it is wanted softly: a release that lacks a package says so when it is needed. A root file system neither boots on its own nor has
// file systems to look after; a live one boots by what its kickstart names, which the ISO is made of.
func platformPackages(ks *kickstart.File, builder string, a arch.Arch) (install, available []string) {
	if builder == "rootfs" || builder == "live" {
		return unique(commandPackages(ks)), nil
	}
	if loader := ks.Bootloader(); !loader.Disabled && loader.Location != "none" {
		if b := bootsOf(ks, a); b.uefi {
			install, available = append(install, b.forUEFI...), append(available, b.other...)
		} else {
			install, available = append(install, b.other...), append(available, b.forUEFI...)
		}
	}
	install = append(install, storageTools(ks)...)
	install = append(install, commandPackages(ks)...)
	return unique(install), unique(available)
}

// firmwares returns what the image boots under: the storage has room for the boot loader, and somebody installs it.
func firmwares(ks *kickstart.File, a arch.Arch, installed []string) (names []string) {
	if loader := ks.Bootloader(); loader.Disabled || loader.Location == "none" {
		return nil
	}
	b := bootsOf(ks, a)
	for _, f := range a.Firmware {
		wanted := b.uefi
		if f.Kind != arch.UEFI {
			wanted = b.own && (!b.uefi || slices.ContainsFunc(f.Loader, func(n string) bool {
				return !slices.Contains(b.forUEFI, n) && slices.Contains(installed, n)
			}))
		}
		if wanted {
			names = append(names, string(f.Kind))
		}
	}
	return names
}

// storageTools are the packages that the installed system needs for its own file systems.
func storageTools(ks *kickstart.File) (names []string) {
	table := storagePackages()
	add := func(fstype string) { names = append(names, table[fstype]...) }
	for _, part := range ks.Partitions() {
		add(part.FSType)
	}
	for _, volume := range ks.LogVols() {
		add(volume.FSType)
	}
	if len(ks.VolGroups()) > 0 {
		add("lvm")
	}
	if auto, ok := ks.AutoPart(); ok {
		add("efi")
		add(cmp.Or(auto.FSType, "xfs"))
		if auto.Type != "plain" {
			add("lvm")
		}
	}
	if _, ok := ks.ReqPart(); ok {
		add("efi")
		add("xfs")
	}
	return names
}

// commandPackages are the tools that a configuration command is carried out with.
func commandPackages(ks *kickstart.File) (names []string) {
	if f := ks.Firewall(); f.Enabled != nil && *f.Enabled {
		names = append(names, "firewalld")
	}
	if _, ok := ks.Authselect(); ok {
		names = append(names, "authselect")
	}
	if _, ok := ks.AuthConfig(); ok {
		names = append(names, "authselect-compat")
	}
	if zone := ks.Timezone(); zone.Name != "" && zone.NTP {
		names = append(names, "chrony")
	}
	if ks.Firstboot().Mode == "reconfig" {
		names = append(names, "initial-setup")
	}
	languages := append([]string{ks.Lang().System}, ks.Lang().AddSupport...)
	for _, locale := range languages {
		language, _, _ := strings.Cut(locale, ".")
		if language, _, _ = strings.Cut(language, "_"); language != "" && language != "C" && language != "POSIX" {
			names = append(names, "langpacks-"+language)
		}
	}
	return names
}

// unique keeps the first of equal names.
func unique(names []string) []string {
	var result []string
	for _, n := range names {
		if !slices.Contains(result, n) {
			result = append(result, n)
		}
	}
	return result
}
