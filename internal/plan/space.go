package plan

import (
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

const mib = 1 << 20

// tableSpace is what the partition tables and the alignment of a disk take, in MiB.
const tableSpace = 2

// What reqpart and autopart make, in MiB: BIOS boot, PReP, EFI system partition; /boot; the least of autopart's root.
const (
	reqpartSize  = 1 + 4 + 200
	bootSize     = 1024
	autopartRoot = 1024
)

// maxPrimary is how many partitions a disk of the old kind can have without an extended one.
const maxPrimary = 4

// piece is something that takes space of the disk: a partition that Quarry makes, or a logical volume.
type piece struct {
	mount string
	size  int64 // MiB; the least, where it grows
	grows bool
}

// pieces are the partitions and volumes. Those that %pre makes have no size here, and physical volumes count by their volumes.
func pieces(ks *kickstart.File) (all []piece) {
	if required, ok := ks.ReqPart(); ok {
		all = append(all, piece{mount: "reqpart", size: reqpartSize})
		if required.AddBoot {
			all = append(all, piece{mount: "/boot", size: bootSize})
		}
	}
	if auto, ok := ks.AutoPart(); ok {
		all = append(all, piece{"reqpart", reqpartSize, false}, piece{"/", autopartRoot, true})
		if !auto.NoBoot {
			all = append(all, piece{mount: "/boot", size: bootSize})
		}
	}
	for _, p := range ks.Partitions() {
		if x := (piece{p.Mount, p.Size, p.Grow}); p.OnPart != "" {
			all = append(all, piece{p.Mount, 0, true})
		} else if !strings.HasPrefix(p.Mount, "pv.") {
			if x.size == 0 {
				x.size = defaultSize(p)
			}
			all = append(all, x)
		}
	}
	for _, v := range ks.LogVols() {
		all = append(all, piece{v.Mount, v.Size, v.Grow || v.Percent > 0})
	}
	return all
}

// defaultSize is how large a partition is that has no --size, in MiB.
func defaultSize(p kickstart.Partition) int64 {
	switch {
	case p.Mount == "/boot/efi" || p.FSType == "efi":
		return 200
	case p.Mount == "prepboot" || p.FSType == "prepboot":
		return 4
	case p.Mount == "/boot":
		return bootSize
	}
	return 1
}

// space refuses what the disk has no room for.
func (c *storageCheck) space() {
	parts := c.ks.Partitions()
	last := position(c.ks, "autopart")
	used := int64(tableSpace)
	for _, p := range pieces(c.ks) {
		used += p.size
	}
	volumes := map[string]int64{} // of each group
	for _, v := range c.ks.LogVols() {
		volumes[v.VolGroup] += v.Size
	}
	sizes := map[string]kickstart.Partition{}
	for _, p := range parts {
		last, sizes[p.Mount] = p.Pos, p
	}
	for _, g := range c.ks.VolGroups() {
		var room int64
		known := true
		for _, member := range g.Members {
			room += sizes[member].Size
			known = known && !sizes[member].Grow && sizes[member].OnPart == ""
		}
		switch {
		case known && volumes[g.Name] > room:
			c.add(g.Pos, "enlarge its partitions, or make the volumes smaller", "the volumes of %s need %d MiB and its partitions have %d MiB", g.Name, volumes[g.Name], room)
		case room > volumes[g.Name]:
			used += room - volumes[g.Name] // the physical volumes take what their volumes leave free
		}
	}
	if have := c.disk.Size / mib; used > have {
		c.add(last, "enlarge disk.size in the pipeline, or make the partitions smaller", "the partitions need %d MiB and the disk has %d MiB", used, have)
	}
	label := c.ks.ClearPart().DiskLabel
	if label == "" {
		label = c.disk.Label
	}
	if (label == "msdos" || label == "mbr") && len(parts) > maxPrimary {
		c.add(last, "leave some out, or use clearpart --disklabel=gpt", "the disk's label, %s, has room for %d partitions, and here are %d", label, maxPrimary, len(parts))
	}
}

// packageSpace is the most that the file systems that packages go to can have, in bytes: what is left beside the others where one of them
// grows, else their sizes.
func packageSpace(ks *kickstart.File, disk Disk) int64 {
	var own, other int64
	grows := false
	for _, p := range pieces(ks) {
		if holdsPackages(p.mount) {
			own, grows = own+p.size, grows || p.grows
		} else {
			other += p.size
		}
	}
	if grows {
		return disk.Size - (tableSpace+other)*mib
	}
	return own * mib
}

// holdsPackages reports whether packages have most of their files there.
func holdsPackages(mount string) bool {
	if mount == "/" {
		return true
	}
	top, _, _ := strings.Cut(strings.TrimPrefix(mount, "/"), "/")
	return strings.HasPrefix(mount, "/") && (top == "usr" || top == "var" || top == "opt")
}
