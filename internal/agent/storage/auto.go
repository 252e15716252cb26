package storage

import (
	"fmt"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Sizes of autopart, in MiB: /boot, the least that / may have, and from which size of the disk on /home is a partition of its own and /
// stops growing.
const (
	autoBoot    = 1024
	autoRoot    = 1024
	autoRootMax = 70 << 10
	autoHome    = 500
	homeFrom    = 50 << 10
)

// required is what reqpart makes: the partitions that the platform starts from. Anaconda makes those of the firmware that it was
// started by; an image has to start by every firmware of its architecture, so all are made.
func required(m Machine, label string, boot bool) []wire.Partition {
	var parts []wire.Partition
	switch {
	case m.Arch.Grub == "i386-pc" && label == GPT:
		parts = append(parts, wire.Partition{Mount: "biosboot"})
	case m.Arch.Grub == "powerpc-ieee1275":
		parts = append(parts, wire.Partition{Mount: "prepboot"})
	}
	if m.Arch.EFI != "" {
		parts = append(parts, wire.Partition{Mount: "/boot/efi"})
	}
	if boot {
		parts = append(parts, wire.Partition{Mount: "/boot", Size: autoBoot})
	}
	return parts
}

// automatic is autopart beyond what reqpart makes.
func automatic(a wire.Auto, disk Disk, m Machine, haveBoot bool) (parts []wire.Partition, groups []wire.VolGroup, volumes []wire.LogVol, err error) {
	if !a.NoBoot && !haveBoot {
		parts = append(parts, wire.Partition{Mount: "/boot", Size: autoBoot, FSType: a.FSType})
	}
	type piece struct {
		name, mount, fstype string
		size, maxSize       int64
		grow                bool
	}
	var pieces []piece
	if !a.NoSwap {
		pieces = append(pieces, piece{"swap", "swap", "swap", recommendedSwap(m.Memory, disk.MiB), 0, false})
	}
	root := piece{"root", "/", a.FSType, autoRoot, 0, true}
	if !a.NoHome && disk.MiB >= homeFrom {
		root.maxSize = autoRootMax
		pieces = append(pieces, piece{"home", "/home", a.FSType, autoHome, 0, true})
	}
	pieces = append(pieces, root)
	switch a.Type {
	case "plain":
		for _, x := range pieces {
			parts = append(parts, wire.Partition{Mount: x.mount, FSType: x.fstype, Size: x.size, MaxSize: x.maxSize, Grow: x.grow})
		}
	case "", "lvm": // Enterprise Linux uses LVM where nothing is said
		const pv = "pv.auto"
		parts = append(parts, wire.Partition{Mount: pv, Grow: true})
		groups = []wire.VolGroup{{Name: m.Distro, PVs: []string{pv}}}
		for _, x := range pieces {
			volumes = append(volumes, wire.LogVol{
				Mount: x.mount, VolGroup: m.Distro, Name: x.name, FSType: x.fstype, Size: x.size, MaxSize: x.maxSize, Grow: x.grow,
			})
		}
	default:
		return nil, nil, nil, fmt.Errorf("autopart --type=%s can't be made: use plain or lvm", a.Type)
	}
	return parts, groups, volumes, nil
}
