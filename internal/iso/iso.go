// Package iso makes ISO images that start, of files which others made: their layout for each architecture, the boot menus, the file system
// that UEFI reads, the implanted checksum of the media check and .treeinfo. It reads such images, too, whoever made them. It knows no
// kickstart, package or plan, never what the system in the image is, and takes every file as it is.
package iso

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
)

// The loaders that the BIOS of x86_64 can start.
const (
	Isolinux = "isolinux" // releases 8 and 9
	Grub2    = "grub2"    // from release 10 on
)

// Spec says what an ISO holds and how it starts. The same Spec with the same files makes the same bytes, whatever Dir and Out are and
// wherever the files lie.
type Spec struct {
	Arch     string // RPM's name
	Loader   string // what a BIOS starts, Isolinux or Grub2; empty for architectures without a BIOS
	VolumeID string // see CheckVolumeID
	Family   string // of the distribution, as .treeinfo has it: "Rocky Linux"
	Version  string // "9.6"
	Menu     Menu
	Content  []File // what is in the image beside what starts it; must not contain a path that is made here
	Stage2   string // the path in Content that .treeinfo calls the main image, "LiveOS/squashfs.img"; may be empty
	Boot     Boot
	Time     time.Time // of the volume and of every file; whole seconds
	Dir      string    // a folder for what is needed on the way; a folder of its own in there is gone afterwards
	Out      string    // the finished file, in any folder
}

// Menu is what the boot menu offers. Its entries and their order are the same with every loader: 0 start, 1 check and start (the default
// after 60 seconds), 2 the submenu of the rest; so "up, enter" starts without the check.
type Menu struct {
	Title string // of the system: "Rocky Linux 9.6 XFCE"
	Args  string // the kernel's arguments: "root=live:CDLABEL=Rocky-9-6-XFCE rd.live.image quiet"
	Check string // the argument more that has the medium checked first, "rd.live.check"; empty for no such entry
}

// File is a file in the image.
type File struct {
	Path   string // in the image, relative and clean: "LiveOS/squashfs.img"
	Source string // on the host: a regular file
}

// Boot are the files that start the image, by their paths on the host. They are regular files and folders of regular files, taken out of the
// packages that the image is made of. What an architecture and a loader don't use is ignored, and may be empty.
type Boot struct {
	Kernel string // as the architecture's firmware or loader wants it
	Initrd string // the image's own one
	EFI    EFI    // x86_64, aarch64, riscv64
	// Isolinux is the folder of isolinux.bin, isohdpfx.bin, ldlinux.c32, libcom32.c32, libutil.c32 and vesamenu.c32, which is /usr/share/syslinux of
	// the packages syslinux and syslinux-nonlinux (EL; on Debian these are in three folders). For the loader Isolinux.
	Isolinux string
	// Grub is the folder of grub's modules for firmware other than UEFI: /usr/lib/grub/i386-pc, with boot_hybrid.img, for the loader Grub2, and
	// /usr/lib/grub/powerpc-ieee1275 for ppc64le. Its *.mod and *.lst come into the image.
	Grub string
	// GrubImage is the core image that fits these modules, made by running GrubImageArgs where the grub2-mkimage of the same package is: in the
	// sandbox, as another version's could make an image that can't load them.
	GrubImage string
	Memtest   string // memtest86+ for a BIOS; optional, x86_64 only
}

// EFI are UEFI's programs, from /boot/efi/EFI/DISTRIBUTION of the image's packages.
type EFI struct {
	Shim       string // shimx64.efi; without it grub is started directly
	MokManager string // mmx64.efi; optional
	Grub       string // gcdx64.efi: the one whose folder is EFI/BOOT
	Font       string // /usr/share/grub/unicode.pf2; optional, without it the menu is plain text
}

// volumeID is what the initrd finds in /dev/disk/by-label, and grub by its search, without any escape.
var volumeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

// CheckVolumeID says what is wrong with a volume id. ISO 9660 has 32 bytes for it.
func CheckVolumeID(id string) error {
	if !volumeID.MatchString(id) {
		return fmt.Errorf("the volume id %q is not of 1 to 32 letters, digits, dots, dashes and underscores that begin with a letter or digit", id)
	}
	return nil
}

// GrubImageArgs is the command that makes Boot.GrubImage at out of the modules in the folder; both are paths as that command sees them. It is nil
// where the architecture and the loader need none.
func GrubImageArgs(architecture, loader, modules, out string) []string {
	p, err := placeOf(architecture, loader)
	if err != nil || p.grub.image == "" {
		return nil
	}
	args := []string{"grub2-mkimage", "-O", p.grub.format, "-d", modules, "-p", p.grub.prefix, "-o", out}
	return append(args, p.grub.modules...)
}

// Starts says what can start the image.
func (s Spec) Starts() artifact.Boot {
	p, err := placeOf(s.Arch, s.Loader)
	if err != nil {
		return artifact.Boot{}
	}
	return p.starts
}

// Check says what is wrong with the Spec, without looking at files.
func (s Spec) Check() error {
	p, err := placeOf(s.Arch, s.Loader)
	if err != nil {
		return err
	}
	if err := CheckVolumeID(s.VolumeID); err != nil {
		return err
	}
	for _, text := range []struct{ what, text string }{
		{"family", s.Family}, {"version", s.Version}, {"title", s.Menu.Title}, {"kernel arguments", s.Menu.Args},
	} {
		if err := checkText(text.text); err != nil {
			return fmt.Errorf("the %s %q: %w", text.what, text.text, err)
		}
	}
	if s.Menu.Check != "" {
		if err := checkText(s.Menu.Check); err != nil {
			return fmt.Errorf("the argument of the media check %q: %w", s.Menu.Check, err)
		}
	}
	if s.Time.Year() < 1980 || s.Time.Year() > 2107 {
		return fmt.Errorf("the time %v can't be written: FAT has 1980 to 2107", s.Time)
	}
	stage2 := s.Stage2 == ""
	seen := map[string]bool{}
	for _, f := range s.Content {
		if !filepath.IsLocal(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "." || strings.ContainsAny(f.Path, "=\\\n") {
			return fmt.Errorf("%q is no path in an image", f.Path)
		}
		if seen[f.Path] {
			return fmt.Errorf("the image would have %s twice", f.Path)
		}
		seen[f.Path] = true
		stage2 = stage2 || f.Path == s.Stage2
	}
	if !stage2 {
		return fmt.Errorf("the main image %s is not among the files", s.Stage2)
	}
	for _, f := range p.needs(s.Boot) {
		if f.path == "" {
			return fmt.Errorf("no %s is given, which %s is started with", f.what, s.Arch)
		}
	}
	return nil
}

// checkText refuses what a menu's syntax could take for something else.
func checkText(s string) error {
	if s == "" {
		return errors.New("it is empty")
	}
	for _, c := range s {
		if c < ' ' || c > '~' || strings.ContainsRune("'\"\\$`{}<>", c) {
			return fmt.Errorf("%q has no place in a boot menu", c)
		}
	}
	return nil
}
