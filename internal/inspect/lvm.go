package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// maxLVMText is how many bytes of a volume group's description are read; LVM's own areas have 1 MiB.
const maxLVMText = 1 << 20

// volumes adds the logical volumes of the physical volume in a partition.
func (l looker) volumes(d *device, p Partition) {
	part := io.NewSectionReader(d, p.Start, p.Size)
	text, err := lvmText(part)
	if err != nil {
		l.unknown(fmt.Sprintf("LVM on partition %d", p.Number), err)
		return
	}
	for _, v := range parseLVM(text) {
		if v.start > 0 && (v.start > p.Size || v.Size > p.Size-v.start) {
			v.start = 0
		}
		if v.start > 0 {
			v.FileSystem = probe(io.NewSectionReader(part, v.start, v.Size))
			v.start += p.Start
		}
		l.report.Volumes = append(l.report.Volumes, v)
	}
}

// lvmText finds the newest description of the volume group. A physical volume has its label in the second sector; it tells where the metadata areas are;
// an area's header tells where in its ring the text is (lib/format_text/layout.h in LVM's sources). All is little-endian.
func lvmText(r io.ReaderAt) (string, error) {
	label := make([]byte, sector)
	if _, err := r.ReadAt(label, sector); err != nil {
		return "", err
	}
	// The header of the physical volume: an id, the device's size, then areas of data and of metadata, each list ended by zeros.
	at := int(binary.LittleEndian.Uint32(label[20:]))
	at += 32 + 8
	lists := 0
	for ; at >= 0 && at+16 <= len(label); at += 16 {
		offset, size := binary.LittleEndian.Uint64(label[at:]), binary.LittleEndian.Uint64(label[at+8:])
		if offset == 0 {
			lists++
			if lists == 2 {
				break
			}
			continue
		}
		if lists == 1 && offset < 1<<40 && size < 1<<40 {
			return lvmArea(r, int64(offset), int64(size))
		}
	}
	return "", errors.New("it has no metadata")
}

func lvmArea(r io.ReaderAt, at, size int64) (string, error) {
	header := make([]byte, sector)
	if _, err := r.ReadAt(header, at); err != nil {
		return "", err
	}
	if !bytes.HasPrefix(header[4:], []byte(" LVM2 x[5A%r0N*>")) {
		return "", errors.New("its metadata area has no header")
	}
	offset, length := binary.LittleEndian.Uint64(header[40:]), binary.LittleEndian.Uint64(header[48:])
	if length == 0 || length > maxLVMText || offset < sector || offset >= uint64(size) {
		return "", fmt.Errorf("its metadata has %d bytes at %d", length, offset)
	}
	text := make([]byte, length)
	first := min(int64(length), size-int64(offset)) // the rest is at the ring's start
	if _, err := r.ReadAt(text[:first], at+int64(offset)); err != nil {
		return "", err
	}
	if _, err := r.ReadAt(text[first:], at+sector); err != nil && first < int64(length) {
		return "", err
	}
	return string(bytes.TrimRight(text, "\x00")), nil
}

// parseLVM reads the logical volumes out of LVM's text: NAME { … } blocks with KEY = VALUE lines. Volumes of one linear segment on the group's only
// disk get their start in it.
func parseLVM(text string) []Volume {
	var volumes []Volume
	var path []string
	values := map[string]int64{}
	disks, segments := 0, 0
	entry := regexp.MustCompile(`^([A-Za-z_0-9]+) = (\d+)`)
	stripe := regexp.MustCompile(`^"[^"]*", (\d+)$`)
	extents, start, linear := int64(0), int64(-1), true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if comment := strings.Index(line, "#"); comment >= 0 {
			line = strings.TrimSpace(line[:comment])
		}
		switch {
		case strings.HasSuffix(line, "{"):
			path = append(path, strings.TrimSpace(strings.TrimSuffix(line, "{")))
			if len(path) > 16 {
				return volumes
			}
			if len(path) == 3 {
				extents, start, linear, segments = 0, -1, true, 0
				if path[1] == "physical_volumes" {
					disks++
				}
			}
		case line == "}" && len(path) > 0:
			if len(path) == 3 && path[1] == "logical_volumes" {
				v := Volume{Group: labelOf([]byte(path[0])), Name: labelOf([]byte(path[2])), Size: extents * values["extent_size"] * sector}
				if disks == 1 && segments == 1 && linear && start >= 0 && v.Size > 0 {
					v.start = (values["pe_start"] + start*values["extent_size"]) * sector
				}
				volumes = append(volumes, v)
			}
			path = path[:len(path)-1]
		case len(path) > 0:
			if m := stripe.FindStringSubmatch(line); m != nil {
				start = number(m[1])
			}
			m := entry.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			switch value := number(m[2]); m[1] {
			case "extent_size", "pe_start":
				values[m[1]] = value
			case "extent_count":
				extents = min(extents+value, maxNumber)
				segments++
			case "stripe_count":
				linear = linear && value == 1
			}
		}
	}
	return volumes
}

// maxNumber bounds the numbers of LVM's text, so that no product of them overflows: it is enough for volumes of 256 TiB in extents of 4 MiB.
const maxNumber = 1 << 26

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > maxNumber {
		return 0
	}
	return n
}
