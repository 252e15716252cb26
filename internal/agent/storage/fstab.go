package storage

import (
	"fmt"
	"slices"
	"strings"
)

// Fstab is the installed system's /etc/fstab for the contents: by UUID, logical volumes by name, in Anaconda's order and with
// its options.
func Fstab(contents []Content) string {
	var b strings.Builder
	b.WriteString("# /etc/fstab: see fstab(5), findfs(8), mount(8) and blkid(8).\n# After a change: systemctl daemon-reload\n")
	lines := mountOrder(contents)
	for _, c := range contents {
		if c.Mount == "swap" {
			lines = append(lines, c)
		}
	}
	for _, c := range lines {
		mount, options, check := c.Mount, c.Options, 0
		switch {
		case c.Type == "vfat":
			check = 2
			if options == "" {
				options = "defaults,uid=0,gid=0,umask=077,shortname=winnt"
			}
		case strings.HasPrefix(c.Type, "ext"):
			check = 2
			if c.Mount == "/" {
				check = 1
			}
		case c.Mount == "swap":
			mount = "none"
		}
		if options == "" {
			options = "defaults"
		}
		dump := 0
		if strings.HasPrefix(c.Type, "ext") {
			dump = 1
		}
		fmt.Fprintf(&b, "%-41s %-23s %-7s %s %d %d\n", Source(c), mount, c.Type, options, dump, check)
	}
	return b.String()
}

// Source is how fstab and the kernel's command line name c.
func Source(c Content) string {
	if c.Volume {
		return c.Device
	}
	return "UUID=" + c.UUID
}

// At returns what is mounted at a mount point.
func At(contents []Content, mount string) (Content, bool) {
	i := slices.IndexFunc(contents, func(c Content) bool { return c.Mount == mount })
	if i < 0 {
		return Content{}, false
	}
	return contents[i], true
}
