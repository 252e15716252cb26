package iso

import (
	"fmt"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
)

// place is how an image is laid out for one architecture and loader.
type place struct {
	arch   arch.Arch
	loader string // Isolinux, Grub2, or "" where there is no BIOS
	kernel string // path of the kernel in the image
	initrd string
	efi    bool
	// appended has the file system for UEFI behind the volume, as a partition of its own; otherwise it is a file in the image.
	appended bool
	graphics bool // grub has a screen to draw on
	grub     grubPlace
	starts   artifact.Boot
}

// grubPlace is where grub for firmware other than UEFI lies in the image.
type grubPlace struct {
	format  string // of grub2-mkimage
	prefix  string // where the image finds its configuration and its modules
	image   string // path of the core image in the image
	folder  string // of the modules
	config  string // path of grub.cfg in the image
	modules []string
}

// placeOf is the one table of layouts, which are those of livemedia-creator.
func placeOf(architecture, loader string) (place, error) {
	a, err := arch.Lookup(architecture)
	if err != nil {
		return place{}, err
	}
	p := place{arch: a, loader: loader, kernel: "images/pxeboot/vmlinuz", initrd: "images/pxeboot/initrd.img"}
	p.efi = a.EFI != ""
	p.graphics, p.starts.UEFI = p.efi, p.efi
	if _, bios := a.Has(arch.BIOS); bios {
		p.starts.BIOS = true
		switch loader {
		case Isolinux:
		case Grub2:
			p.appended = true
			p.grub = grubPlace{
				format: "i386-pc-eltorito", prefix: "/boot/grub2", image: "images/eltorito.img", folder: "boot/grub2/i386-pc", config: "boot/grub2/grub.cfg",
				modules: []string{"iso9660", "biosdisk"},
			}
		default:
			return place{}, fmt.Errorf("unknown loader %q for %s: want %s or %s", loader, architecture, Isolinux, Grub2)
		}
		return p, nil
	}
	if loader != "" {
		return place{}, fmt.Errorf("%s has no BIOS that would start %s", architecture, loader)
	}
	switch {
	case p.efi:
		p.appended = true
	case a.Grub != "":
		p.starts.PReP = true
		p.kernel, p.initrd = "ppc/ppc64/vmlinuz", "ppc/ppc64/initrd.img"
		p.grub = grubPlace{
			format: a.Grub, prefix: "()/boot/grub", image: "boot/grub/" + a.Grub + "/core.elf", folder: "boot/grub/" + a.Grub, config: "boot/grub/grub.cfg",
			modules: []string{"iso9660", "ext2", "ofnet", "net", "tftp", "http"},
		}
	default:
		p.starts.ZIPL = true
		p.kernel, p.initrd = "images/kernel.img", "images/initrd.img"
	}
	return p, nil
}

// need is a file without which an image can't be made.
type need struct{ what, path string }

func (p place) needs(b Boot) []need {
	all := []need{{"kernel", b.Kernel}, {"initrd", b.Initrd}}
	if p.efi {
		all = append(all, need{"grub for UEFI", b.EFI.Grub})
	}
	if p.loader == Isolinux {
		all = append(all, need{"folder of isolinux", b.Isolinux})
	}
	if p.grub.image != "" {
		all = append(all, need{"folder of grub's modules", b.Grub}, need{"core image of grub", b.GrubImage})
	}
	return all
}
