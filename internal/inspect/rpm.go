package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Tags of an RPM header (include/rpm/rpmtag.h in RPM's sources) and the type of a string.
const (
	tagName    = 1000
	tagVersion = 1001
	tagRelease = 1002
	tagArch    = 1022
	typeString = 6
)

// maxEntries is how many entries a header may have; RPM's own bound is 65535.
const maxEntries = 1 << 16

// packageOf reads name-version-release.arch out of a header as the database keeps it: the number of index entries, the size of the data, the
// entries of four numbers each (tag, type, offset, count), the data; all big-endian.
func packageOf(header []byte) (string, error) {
	if len(header) < 8 {
		return "", errors.New("a header is cut off")
	}
	count, size := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[4:])
	if count > maxEntries || size > maxHeader || int(8+16*count+size) > len(header) {
		return "", fmt.Errorf("a header of %d bytes has %d entries and %d bytes of data", len(header), count, size)
	}
	data := header[8+16*count:][:size]
	values := map[uint32]string{}
	for i := range count {
		entry := header[8+16*i:][:16]
		tag, kind, offset := binary.BigEndian.Uint32(entry), binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:])
		if kind != typeString || offset >= size {
			continue
		}
		switch tag {
		case tagName, tagVersion, tagRelease, tagArch:
			text, _, _ := bytes.Cut(data[offset:], []byte{0})
			values[tag] = labelOf(text)
		}
	}
	if values[tagName] == "" {
		return "", errors.New("a header has no name")
	}
	name := values[tagName] + "-" + values[tagVersion] + "-" + values[tagRelease]
	if a := values[tagArch]; a != "" {
		name += "." + a
	}
	return name, nil
}
