package inspect

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// lvmMember is blkid's word for a physical volume.
const lvmMember = "LVM2_member"

// signature is where a kind of file system has its magic, label and id, in bytes from its start.
type signature struct {
	kind        string
	magic       string
	at          int64
	label, size int64 // size 0: no label
	uuid        int64 // of sixteen bytes; 0: none
}

// signatures are the file systems that Enterprise Linux makes, and what else partitions hold. The places are from the Linux kernel's headers
// (fs/ext4/ext4.h, fs/xfs/libxfs/xfs_format.h, include/linux/swap.h, include/uapi/linux/msdos_fs.h), cryptsetup's and util-linux's documentation.
func signatures() []signature {
	return []signature{
		{kind: "xfs", magic: "XFSB", label: 108, size: 12, uuid: 32},
		{kind: "ext4", magic: "\x53\xef", at: 1024 + 0x38, label: 1024 + 0x78, size: 16, uuid: 1024 + 0x68},
		{kind: "vfat", magic: "FAT32   ", at: 82, label: 71, size: 11},
		{kind: "vfat", magic: "FAT16   ", at: 54, label: 43, size: 11},
		{kind: "vfat", magic: "FAT12   ", at: 54, label: 43, size: 11},
		{kind: "swap", magic: "SWAPSPACE2", at: 4086, label: 1052, size: 16, uuid: 1036},
		{kind: "swap", magic: "SWAPSPACE2", at: 65526, label: 1052, size: 16, uuid: 1036},
		{kind: "crypto_LUKS", magic: "LUKS\xba\xbe"},
		{kind: "squashfs", magic: "hsqs"},
		{kind: "btrfs", magic: "_BHRfS_M", at: 65536 + 64, label: 65536 + 299, size: 256, uuid: 65536 + 32},
		{kind: lvmMember, magic: "LABELONE", at: 512},
	}
}

// superblock is how many bytes of a file system are looked at.
const superblock = 68 << 10

// probe says what a file system is.
func probe(r io.ReaderAt) FileSystem {
	head := make([]byte, superblock)
	n, _ := r.ReadAt(head, 0) // what is missing is zeros
	for _, s := range signatures() {
		if !bytes.HasPrefix(head[s.at:], []byte(s.magic)) || s.at >= int64(n) {
			continue
		}
		f := FileSystem{Type: s.kind}
		if s.size > 0 {
			f.Label = labelOf(head[s.label : s.label+s.size])
		}
		switch {
		case s.uuid > 0:
			f.UUID = uuidOf(head[s.uuid : s.uuid+16])
		case s.kind == "vfat":
			// The serial number stands before the label.
			serial := binary.LittleEndian.Uint32(head[s.label-4:])
			f.UUID = fmt.Sprintf("%04X-%04X", serial>>16, serial&0xffff)
			if f.Label == "NO NAME" {
				f.Label = ""
			}
		}
		return f
	}
	return FileSystem{}
}

// labelOf is a label as one safe line.
func labelOf(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return strings.TrimSpace(wire.Clean(string(text)))
}

func uuidOf(b []byte) string {
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
