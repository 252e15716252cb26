package iso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Platform is what an entry of the boot catalogue is for (El Torito specification 1.0, figure 2; UEFI specification 2.10, 13.3.2.1).
type Platform string

// The platforms.
const (
	BIOS Platform = "BIOS" // and whatever else has no number of its own, such as s390x
	UEFI Platform = "UEFI"
	Mac  Platform = "Mac"
	PPC  Platform = "PowerPC"
)

// Entry is an entry of the El Torito boot catalogue.
type Entry struct {
	Platform Platform `json:"platform"`
	LBA      int64    `json:"lba"`            // where the program or file system begins, in sectors of 2048 bytes
	Path     string   `json:"path,omitempty"` // in the image, where it is a file that Quarry knows of
}

// catalogue reads the boot catalogue, one sector, that the boot record points to. An image without one has none.
func catalogue(r io.ReaderAt, all []descriptor) ([]Entry, error) {
	for _, d := range all {
		if d.raw[0] != bootRecord || !bytes.HasPrefix(d.raw[7:], []byte("EL TORITO SPECIFICATION")) {
			continue
		}
		block := make([]byte, sector)
		if _, err := r.ReadAt(block, int64(binary.LittleEndian.Uint32(d.raw[71:]))*sector); err != nil {
			return nil, err
		}
		return parseCatalogue(block)
	}
	return nil, nil
}

// parseCatalogue reads the entries, 32 bytes each: the validating one, the default one, and sections of more.
func parseCatalogue(b []byte) ([]Entry, error) {
	const size, bootable = 32, 0x88
	var sum uint16
	for i := 0; i < size; i += 2 {
		sum += binary.LittleEndian.Uint16(b[i:])
	}
	if b[0] != 1 || b[30] != 0x55 || b[31] != 0xaa || sum != 0 {
		return nil, errors.New("its boot catalogue is damaged")
	}
	platform := platformOf(b[1])
	var entries []Entry
	for at := size; at+size <= len(b); at += size {
		switch e := b[at : at+size]; e[0] {
		case bootable:
			entries = append(entries, Entry{Platform: platform, LBA: int64(binary.LittleEndian.Uint32(e[8:]))})
		case 0x90, 0x91: // a section's header
			platform = platformOf(e[1])
		}
	}
	return entries, nil
}

func platformOf(id byte) Platform {
	switch id {
	case 1:
		return PPC
	case 2:
		return Mac
	case 0xef:
		return UEFI
	}
	return BIOS
}

// diskStart says how the image starts as a disk, such as a USB stick: whether its first sector is a program, which partitions for UEFI and Open
// Firmware it has, and whether that is a GPT.
type diskStart struct{ code, efi, chrp, gpt bool }

// readDiskStart reads the system area (UEFI specification 2.10, 5.2 and 5.3).
func readDiskStart(r io.ReaderAt) (diskStart, error) {
	var s diskStart
	area := make([]byte, firstDescriptor*sector)
	if _, err := r.ReadAt(area, 0); err != nil {
		return s, err
	}
	if area[510] != 0x55 || area[511] != 0xaa {
		return s, nil
	}
	s.code = !bytes.Equal(area[:16], make([]byte, 16))
	for i := 446; i < 510; i += 16 {
		switch area[i+4] {
		case 0xef:
			s.efi = true
		case 0x96: // the ISO file system as CHRP names it
			s.chrp = true
		}
	}
	if string(area[512:520]) != "EFI PART" {
		return s, nil
	}
	s.gpt = true
	at, count, size := binary.LittleEndian.Uint64(area[512+72:]), binary.LittleEndian.Uint32(area[512+80:]), binary.LittleEndian.Uint32(area[512+84:])
	if size != 128 || count > 1024 || at > 1<<40 {
		return s, errors.New("its GPT is damaged")
	}
	entry := make([]byte, size)
	for i := int64(0); i < int64(count); i++ {
		if _, err := r.ReadAt(entry, int64(at)*512+i*int64(size)); err != nil {
			return s, err
		}
		s.efi = s.efi || bytes.Equal(entry[:16], espBytes())
	}
	return s, nil
}

// espBytes is espType as a GPT has it: its first three groups are little-endian.
func espBytes() []byte {
	return []byte{0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b}
}
