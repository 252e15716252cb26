// Package storage prepares the machine's disk as a kickstart says: it plans a layout as a value (pure, no device is touched), then
// partitions, makes logical volumes and file systems, mounts them, and writes fstab. It doesn't fill the file systems and knows
// nothing of boot loaders but the partitions they need.
//
// Sizes are whole MiB wherever a kickstart's are; partitions start and end on whole MiB.
package storage

import "github.com/quarry-project/quarry/internal/arch"

// MiB is the unit of a kickstart's sizes and the alignment of partitions, in bytes.
const MiB = 1 << 20

// Labels of a disk, as sfdisk names them.
const (
	GPT = "gpt"
	DOS = "dos"
)

// Disk is what is on the target before the commands run (after %pre).
type Disk struct {
	Path       string // "/dev/vda"
	MiB        int64  // size, rounded down
	SectorSize int64  // bytes
	Label      string // GPT, DOS or "" for none
	Partitions []Slot
}

// Slot is a place on a disk. Start and size are in sectors.
type Slot struct {
	Number      int
	Start, Size int64
	Type        string // a GUID in upper case for GPT, two hexadecimal digits in lower case for DOS
}

// Machine is what the layout depends on beside disk and commands.
type Machine struct {
	Arch   arch.Arch
	Distro string // names the volume group of autopart
	Memory int64  // MiB, for swap --recommended
	// UUID makes the identifiers of file systems, so that nothing has to be read back.
	UUID func() string
}

// Layout is what has to be done to a disk, in this order: the label, the partitions, the volume groups, the file systems.
type Layout struct {
	Disk       string
	SectorSize int64
	Label      string // a new, empty label of this type; "" keeps the one there
	Remove     []int  // partitions to delete from a label that stays
	Create     []Slot
	Retype     []Slot // partitions of %pre that get the type their use asks for
	Groups     []Group
	Contents   []Content
}

// Group is an LVM volume group with its logical volumes.
type Group struct {
	Name    string
	Devices []string // physical volumes
	Extent  int64    // KiB
	Volumes []Volume
	Line    int
}

// Volume is a logical volume; Extents is its size.
type Volume struct {
	Name    string
	Extents int64
}

// Content is what a partition or logical volume is used for.
type Content struct {
	Device      string
	Mount       string // mount point, "swap", "biosboot", "prepboot"; "" is only formatted
	Type        string // "xfs", "ext4", "vfat", "swap", "" for raw
	Label       string
	UUID        string // chosen by the plan; "" is found by blkid once it's made
	MkfsOptions string
	Options     string // of fstab; "" is the default
	Keep        bool   // not to be formatted
	Volume      bool   // a logical volume
	Line        int
}

// Part returns the device of a disk's nth partition.
func Part(disk string, n int) string {
	if c := disk[len(disk)-1]; c >= '0' && c <= '9' {
		return disk + "p" + itoa(n)
	}
	return disk + itoa(n)
}
