package plan

import (
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// The firmwares that an image may have to boot under. BIOS is also the machine's own firmware where there is neither BIOS nor UEFI.
const (
	BIOS = "bios"
	UEFI = "uefi"
)

// platform is what an architecture needs to boot. The package names are Enterprise Linux's, as Anaconda chooses them.
type platform struct {
	uefi []string // boot loader for UEFI; empty where there is none
	bios []string // boot loader for the machine's own firmware
}

func platforms() map[string]platform {
	return map[string]platform{
		"x86_64": {
			uefi: []string{"shim-x64", "grub2-efi-x64", "efibootmgr", "grub2-tools"},
			bios: []string{"grub2-pc", "grub2-pc-modules", "grub2-tools"},
		},
		"aarch64": {uefi: []string{"shim-aa64", "grub2-efi-aa64", "efibootmgr", "grub2-tools"}},
		"ppc64le": {bios: []string{"grub2-ppc64le", "grub2-ppc64le-modules", "grub2-tools"}},
		"s390x":   {bios: []string{"s390utils-base"}},
	}
}

// storagePackages are the tools of a file system or a volume manager.
func storagePackages() map[string][]string {
	return map[string][]string{
		"xfs":  {"xfsprogs"},
		"ext2": {"e2fsprogs"}, "ext3": {"e2fsprogs"}, "ext4": {"e2fsprogs"},
		"efi": {"dosfstools"}, "vfat": {"dosfstools"},
		"lvm": {"lvm2"},
	}
}

// boots says which boot loaders the storage has room for.
type boots struct{ uefi, bios bool }

func bootsOf(ks *kickstart.File, p platform) boots {
	_, auto := ks.AutoPart()
	_, required := ks.ReqPart()
	var esp, embedding bool
	for _, part := range ks.Partitions() {
		esp = esp || part.Mount == "/boot/efi" || part.FSType == "efi"
		embedding = embedding || part.Mount == "biosboot" || part.Mount == "prepboot"
	}
	return boots{
		uefi: p.uefi != nil && (auto || required || esp),
		bios: p.bios != nil && (auto || required || embedding || !esp),
	}
}

// platformPackages returns what Anaconda adds to the kickstart's own packages, and the boot loader of the other firmware, which %post may add.
// All of it is wanted softly: a release that lacks a package says so when it is needed.
func platformPackages(ks *kickstart.File, arch string) (install, available []string) {
	p := platforms()[arch]
	if loader := ks.Bootloader(); !loader.Disabled && loader.Location != "none" {
		if bootsOf(ks, p).uefi {
			install, available = append(install, p.uefi...), append(available, p.bios...)
		} else {
			install, available = append(install, p.bios...), append(available, p.uefi...)
		}
	}
	install = append(install, storageTools(ks)...)
	install = append(install, commandPackages(ks)...)
	return unique(install), unique(available)
}

// firmwares returns what the image boots under: the storage has room for the boot loader, and somebody installs it.
func firmwares(ks *kickstart.File, arch string, installed []string) (names []string) {
	p := platforms()[arch]
	b := bootsOf(ks, p)
	if b.bios && (!b.uefi || slices.ContainsFunc(p.bios, func(n string) bool {
		return !slices.Contains(p.uefi, n) && slices.Contains(installed, n)
	})) {
		names = append(names, BIOS)
	}
	if b.uefi {
		names = append(names, UEFI)
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
		add("xfs")
		add("efi")
		add(auto.FSType)
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
