package iso

import (
	"fmt"
	"strings"
)

// menuSeconds is how long a menu waits before it takes the default.
const menuSeconds = 60

// basicGraphics is the kernel's argument against drivers that show nothing.
const basicGraphics = "nomodeset"

// entry is a line of the boot menu that starts the kernel.
type entry struct{ id, label, args string }

// entries are the menu's first lines, and the basic one of the troubleshooting submenu. Ids and order are the same with all loaders.
func (m Menu) entries() (first []entry, basic entry) {
	first = []entry{{"start", "Start " + m.Title, m.Args}}
	if m.Check != "" {
		first = append(first, entry{"check", "Test this media & start " + m.Title, m.Args + " " + m.Check})
	}
	return first, entry{"basic", "Start " + m.Title + " in basic graphics mode", m.Args + " " + basicGraphics}
}

// grubConfig is grub.cfg (https://www.gnu.org/software/grub/manual/grub/html_node/Configuration.html). Grub's own folder is known to it; the
// image is found by its volume id, as with UEFI that folder is in another file system. Modules that an image of grub has built in need no file.
func grubConfig(s Spec, p place) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	start := func(indent string, e entry) {
		line("%smenuentry '%s' --id %s {", indent, e.label, e.id)
		line("%s  linux /%s %s", indent, p.kernel, e.args)
		line("%s  initrd /%s", indent, p.initrd)
		line("%s}", indent)
	}
	first, basic := s.Menu.entries()
	line("set default=%s", first[len(first)-1].id)
	line("set timeout=%d", menuSeconds)
	line("search --no-floppy --set=root -l '%s'", s.VolumeID)
	if p.graphics {
		line("insmod all_video")
		line("set gfxpayload=keep")
	}
	if p.graphics && s.Boot.EFI.Font != "" {
		line("if loadfont /%s; then", efiFont)
		line("  insmod gfxterm")
		line("  terminal_output gfxterm")
		line("fi")
	}
	for _, e := range first {
		start("", e)
	}
	line("submenu 'Troubleshooting -->' --id more {")
	start("  ", basic)
	if s.Boot.Memtest != "" && p.loader == Grub2 { // for both firmwares one text
		line("  if [ \"$grub_platform\" = pc ]; then")
		line("    menuentry 'Run a memory test' --id memtest {")
		line("      linux16 /%s", p.memtest())
		line("    }")
		line("  fi")
	}
	line("  menuentry 'Boot from local drive' --id local {")
	line("    exit")
	line("  }")
	line("}")
	return b.String()
}

// isolinuxConfig is isolinux.cfg (https://wiki.syslinux.org/wiki/index.php?title=Config, ...=Menu). Its timeout is in tenths of a second, and
// paths are relative to its folder.
func isolinuxConfig(s Spec) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	start := func(e entry) {
		line("label %s", e.id)
		line("  menu label %s", e.label)
		line("  kernel vmlinuz")
		line("  append initrd=initrd.img %s", e.args)
	}
	first, basic := s.Menu.entries()
	line("default vesamenu.c32")
	line("timeout %d", 10*menuSeconds)
	line("menu title %s", s.Menu.Title)
	for i, e := range first {
		start(e)
		if i == len(first)-1 {
			line("  menu default")
		}
	}
	line("menu begin more")
	line("menu title Troubleshooting")
	start(basic)
	if s.Boot.Memtest != "" {
		line("label memtest")
		line("  menu label Run a memory test")
		line("  kernel memtest")
	}
	line("label local")
	line("  menu label Boot from local drive")
	line("  localboot 0xffff")
	line("menu end")
	return b.String()
}

// bootInfo is what Open Firmware reads first (CHRP binding to IEEE 1275, "bootinfo.txt"): the program that it starts.
func bootInfo(s Spec, p place) string {
	program := strings.ReplaceAll("/"+p.grub.image, "/", `\`)
	return fmt.Sprintf("<chrp-boot>\n<description>%s</description>\n<os-name>%s</os-name>\n<boot-script>boot &device;:%s</boot-script>\n</chrp-boot>\n",
		xmlText(s.Menu.Title), xmlText(s.Family), program)
}

// xmlText escapes the one character of a checked text that XML minds.
func xmlText(s string) string { return strings.ReplaceAll(s, "&", "&amp;") }
