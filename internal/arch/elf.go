package arch

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// ELF is how the 64-bit programs of an architecture are marked.
type ELF struct {
	Machine elf.Machine
	Big     bool // big-endian
}

// Order is the byte order of its numbers.
func (e ELF) Order() binary.AppendByteOrder {
	if e.Big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Magic returns the first 20 bytes of a program and which of their bits count, as binfmt_misc wants them. The ABI byte and the
// difference between a fixed (2) and a position-independent (3) program don't.
func (e ELF) Magic() (value, mask []byte) {
	data := byte(elf.ELFDATA2LSB)
	order := e.Order()
	if e.Big {
		data = byte(elf.ELFDATA2MSB)
	}
	value = append([]byte(elf.ELFMAG), byte(elf.ELFCLASS64), data, byte(elf.EV_CURRENT))
	mask = bytes.Repeat([]byte{0xff}, elf.EI_NIDENT)
	mask[elf.EI_OSABI] = 0 // 0 or GNU's 3
	value = append(value, make([]byte, elf.EI_NIDENT-len(value))...)
	value = order.AppendUint16(order.AppendUint16(value, uint16(elf.ET_EXEC)), uint16(e.Machine))
	mask = append(order.AppendUint16(mask, 0xfffe), 0xff, 0xff)
	return value, mask
}
