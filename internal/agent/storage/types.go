package storage

import (
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// use is what a partition serves as; it decides type, default size and default file system.
type use struct {
	gpt, dos string // partition types
	size     int64  // MiB when the kickstart names none; 0: it has to
	fstype   string
	rank     int // order on the disk: platform first, /boot next, the rest as written
}

// Partition types: the GUIDs of the UEFI specification, grub's and systemd's documentation, and the ids of the old table.
const (
	typeLinux    = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	typeESP      = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	typeBIOSBoot = "21686148-6449-6E6F-744E-656564454649"
	typePReP     = "9E1A2D38-C612-4316-AA26-8B49521E5A8B"
	typeSwap     = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
	typeLVM      = "E6D6D379-F507-44C2-A23C-238F2A3DF928"
	typeFAT      = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
)

// rankOther is the rank of what is neither the platform's nor /boot.
const rankOther = 3

// defaultFS is Enterprise Linux's default file system.
const defaultFS = "xfs"

// useOf tells what a mount point with a file system type is for.
func useOf(mount, fstype string) use {
	switch {
	case mount == "biosboot" || fstype == "biosboot":
		return use{gpt: typeBIOSBoot, dos: "83", size: 1, rank: 0}
	case mount == "prepboot" || fstype == "prepboot":
		return use{gpt: typePReP, dos: "41", size: 4, rank: 0}
	case mount == "/boot/efi" || fstype == "efi":
		return use{gpt: typeESP, dos: "ef", size: 200, fstype: "vfat", rank: 1}
	case mount == "/boot":
		u := use{gpt: typeLinux, dos: "83", size: 1024, fstype: defaultFS, rank: 2}
		if fstype == "vfat" { // a Raspberry Pi's firmware reads it, and finds it by its type
			u.gpt, u.dos = typeFAT, "c"
		}
		return u
	case fstype == "vfat":
		return use{gpt: typeFAT, dos: "c", rank: rankOther}
	case mount == "swap" || fstype == "swap":
		return use{gpt: typeSwap, dos: "82", fstype: "swap", rank: rankOther}
	case strings.HasPrefix(mount, "pv."):
		return use{gpt: typeLVM, dos: "8e", rank: rankOther}
	}
	return use{gpt: typeLinux, dos: "83", fstype: defaultFS, rank: rankOther}
}

func (u use) partitionType(label string) string {
	if label == DOS {
		return u.dos
	}
	return u.gpt
}

// fsType is the name that mkfs and mount know.
func (u use) fsType(asked string) string {
	switch asked {
	case "":
		return u.fstype
	case "efi":
		return "vfat"
	case "biosboot", "prepboot", "lvmpv":
		return ""
	}
	return asked
}

// maxLabel is how long a label each file system can hold.
func maxLabel(fstype string) int {
	switch fstype {
	case "xfs":
		return 12
	case "vfat":
		return 11
	}
	return 16
}
