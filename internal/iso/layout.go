package iso

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// program makes the image.
const program = "xorriso"

// espType marks a partition that UEFI starts from (UEFI specification 2.10, 5.3.3), dataType one that it leaves alone.
const (
	espType  = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	dataType = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
)

// Paths in the image that more than one place names.
const (
	efiFolder   = "EFI/BOOT"
	efiFont     = efiFolder + "/fonts/unicode.pf2"
	efiImage    = "images/efiboot.img"
	treeinfo    = ".treeinfo"
	s390Image   = "images/cdboot.img"
	isolinuxDir = "isolinux"
)

// item is a file of the image: one of the host, or a text that is made here.
type item struct {
	path   string
	source string
	text   string
}

// layout are all files of the image that start it, apart from what has to be computed of their content: images and .treeinfo. modules are the
// names of the files in Boot.Grub that grub loads.
func layout(s Spec, p place, modules []string) []item {
	items := []item{{path: p.kernel, source: s.Boot.Kernel}, {path: p.initrd, source: s.Boot.Initrd}}
	if p.efi {
		items = append(items, efiItems(s, p)...)
	}
	if p.grub.image != "" {
		items = append(items, item{path: p.grub.image, source: s.Boot.GrubImage}, item{path: p.grub.config, text: grubConfig(s, p)})
		for _, m := range modules {
			items = append(items, item{path: path.Join(p.grub.folder, m), source: path.Join(s.Boot.Grub, m)})
		}
	}
	switch {
	case p.loader == Isolinux:
		items = append(items,
			item{path: isolinuxDir + "/isolinux.cfg", text: isolinuxConfig(s)},
			item{path: isolinuxDir + "/vmlinuz", source: s.Boot.Kernel}, // the same bytes as in images/pxeboot, stored once
			item{path: isolinuxDir + "/initrd.img", source: s.Boot.Initrd})
		for _, name := range []string{"isolinux.bin", "ldlinux.c32", "libcom32.c32", "libutil.c32", "vesamenu.c32"} {
			items = append(items, item{path: path.Join(isolinuxDir, name), source: path.Join(s.Boot.Isolinux, name)})
		}
	case p.starts.PReP:
		items = append(items, item{path: "ppc/bootinfo.txt", text: bootInfo(s, p)})
	case p.starts.ZIPL:
		items = append(items, item{path: "images/cdboot.prm", text: s.Menu.Args + "\n"})
	}
	if s.Boot.Memtest != "" && p.starts.BIOS {
		items = append(items, item{path: p.memtest(), source: s.Boot.Memtest})
	}
	return items
}

// memtest is where the memory test lies.
func (p place) memtest() string {
	if p.loader == Isolinux {
		return isolinuxDir + "/memtest"
	}
	return "boot/memtest"
}

// efiItems is the folder that UEFI looks for on removable media. What the firmware starts has the name that the architecture has there: shim,
// which starts grub next to it, or grub itself.
func efiItems(s Spec, p place) []item {
	suffix := p.arch.EFI
	first, grub := efiFolder+"/BOOT"+strings.ToUpper(suffix)+".EFI", efiFolder+"/grub"+suffix+".efi"
	items := []item{{path: efiFolder + "/grub.cfg", text: grubConfig(s, p)}}
	if s.Boot.EFI.Shim == "" {
		items = append(items, item{path: first, source: s.Boot.EFI.Grub})
	} else {
		items = append(items, item{path: first, source: s.Boot.EFI.Shim}, item{path: grub, source: s.Boot.EFI.Grub})
	}
	if s.Boot.EFI.MokManager != "" {
		items = append(items, item{path: efiFolder + "/mm" + suffix + ".efi", source: s.Boot.EFI.MokManager})
	}
	if s.Boot.EFI.Font != "" {
		items = append(items, item{path: efiFont, source: s.Boot.EFI.Font})
	}
	return items
}

// check says which two files have one path, or which would be a folder, too.
func check(items []item) error {
	paths := make([]string, len(items))
	for i, it := range items {
		paths[i] = it.path
	}
	slices.Sort(paths)
	for i, p := range paths[min(1, len(paths)):] {
		if before := paths[i]; p == before || strings.HasPrefix(p, before+"/") {
			return fmt.Errorf("the image would have %s twice", before)
		}
	}
	return nil
}

// graft is one line for each file of the image, in xorriso's form, in the order of their paths. Only the image's path may have no equals sign.
func graft(items []item) string {
	lines := make([]string, len(items))
	for i, it := range items {
		lines[i] = it.path + "=" + it.source + "\n"
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// args is xorriso's command line. efi is the host's path of the file system for UEFI, list that of graft's lines, out the image's; largest is
// the size of the largest file in bytes.
func args(s Spec, p place, efi, list, out string, largest int64) []string {
	date := s.Time.UTC().Format("20060102150405")
	a := []string{
		program, "-no_rc", "-as", "mkisofs", "-o", out, "-V", s.VolumeID, "-r", "-J", "-cache-inodes",
		"--modification-date=" + date + "00", "--set_all_file_dates", date + "00", "--gpt_disk_guid", s.diskID(),
	}
	if largest > math.MaxUint32 { // files in several extents
		a = append(a, "-iso-level", "3")
	}
	efiEntry := []string{"-e", efiImage, "-no-emul-boot", "-isohybrid-gpt-basdat"}
	if p.appended {
		efiEntry = []string{"-e", "--interval:appended_partition_2:all::", "-no-emul-boot"}
		a = append(a, "-partition_offset", "16", "-appended_part_as_gpt", "-append_partition", "2", espType, efi, "-iso_mbr_part_type", dataType,
			"-c", "boot.cat", "--boot-catalog-hide")
	}
	switch {
	case p.loader == Isolinux:
		a = append(a, "-isohybrid-mbr", path.Join(s.Boot.Isolinux, "isohdpfx.bin"),
			"-b", isolinuxDir+"/isolinux.bin", "-c", isolinuxDir+"/boot.cat", "-boot-load-size", "4", "-boot-info-table", "-no-emul-boot", "-eltorito-alt-boot")
		a = append(a, efiEntry...)
	case p.loader == Grub2:
		a = append(a, "--grub2-mbr", path.Join(s.Boot.Grub, "boot_hybrid.img"),
			"-b", p.grub.image, "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info", "-eltorito-alt-boot")
		a = append(a, efiEntry...)
	case p.efi:
		a = append(a, efiEntry...)
	case p.starts.PReP: // Open Firmware reads no Rock Ridge: long names as they are
		a = append(a, "-U", "-l", "-sysid", "PPC", "-chrp-boot")
	case p.starts.ZIPL:
		a = append(a, "-b", s390Image, "-c", "images/boot.cat", "-boot-load-size", "4", "-no-emul-boot")
	}
	return append(a, "-graft-points", "-path-list", list)
}

// diskID is the GUID of the partition table: another one for other images, and always the same one for the same image.
func (s Spec) diskID() string {
	name := strings.Join([]string{s.Arch, s.VolumeID, s.Version, strconv.FormatInt(s.Time.Unix(), 10)}, "\n")
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("quarry iso\n"+name)).String()
}
