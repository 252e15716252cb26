package iso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// The parts of ISO 9660 that are read here (ECMA-119, 8.4 and 9.1; also for Rock Ridge and El Torito only the fixed fields).
const (
	sector          = 2048
	firstDescriptor = 16 // sector of the first volume descriptor
	maxDescriptors  = 64 // sectors that are looked at for them
	applicationAt   = 883
	applicationSize = 512
)

// descriptor is a volume descriptor, one sector.
type descriptor struct {
	offset int64 // in the image, bytes
	raw    []byte
}

// Kinds of volume descriptors.
const (
	bootRecord   = 0
	primary      = 1
	setEnd       = 255
	descriptorID = "CD001"
)

// Is says whether a file begins as an ISO 9660 image does. One that starts as a disk, too, is one all the same.
func Is(r io.ReaderAt) bool {
	head := make([]byte, 6)
	_, err := r.ReadAt(head, firstDescriptor*sector)
	return err == nil && string(head[1:]) == descriptorID
}

// readDescriptors reads the volume descriptors of an image, which may be anybody's.
func readDescriptors(r io.ReaderAt) ([]descriptor, error) {
	var all []descriptor
	for n := int64(firstDescriptor); n < firstDescriptor+maxDescriptors; n++ {
		d := descriptor{offset: n * sector, raw: make([]byte, sector)}
		if _, err := r.ReadAt(d.raw, d.offset); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return nil, err
		}
		if string(d.raw[1:6]) != descriptorID {
			break
		}
		if d.raw[0] == setEnd {
			return all, nil
		}
		all = append(all, d)
	}
	if len(all) == 0 {
		return nil, errors.New("it is no ISO 9660 image")
	}
	return nil, errors.New("its volume descriptors have no end")
}

// readPrimary reads the primary volume descriptor of an image.
func readPrimary(r io.ReaderAt) (descriptor, error) {
	all, err := readDescriptors(r)
	if err != nil {
		return descriptor{}, err
	}
	return primaryOf(all)
}

func primaryOf(all []descriptor) (descriptor, error) {
	for _, d := range all {
		if d.raw[0] == primary {
			return d, nil
		}
	}
	return descriptor{}, errors.New("it has no primary volume descriptor")
}

// size is the volume's, in bytes.
func (d descriptor) size() int64 { return sector * int64(binary.LittleEndian.Uint32(d.raw[80:])) }

func (d descriptor) volumeID() string {
	return printable(bytes.TrimRight(d.raw[40:72], " \x00"))
}

func (d descriptor) application() []byte { return d.raw[applicationAt : applicationAt+applicationSize] }

// printable is a text of an image for people: what is no ASCII letter, digit or sign becomes a question mark.
func printable(b []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, b))
}
