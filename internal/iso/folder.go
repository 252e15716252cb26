package iso

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Bounds of what is read of anybody's image.
const (
	maxFolder  = 4 << 20 // bytes of a folder
	maxExtents = 64      // parts of a file: 4 GiB each
)

// extent is a piece of the image.
type extent struct{ at, size int64 }

// stored is a file or a folder in the image. Files of more than 4 GiB have several extents.
type stored struct {
	folder  bool
	extents []extent
}

func (s stored) size() int64 {
	var n int64
	for _, e := range s.extents {
		n += e.size
	}
	return n
}

// volume is an image that is being read.
type volume struct {
	r    io.ReaderAt
	root stored
}

// openVolume reads where the root folder is (ECMA-119, 8.4.18).
func openVolume(r io.ReaderAt, d descriptor) (volume, error) {
	root, _, _, err := parseRecord(d.raw[156:190])
	if err != nil {
		return volume{}, fmt.Errorf("its root folder: %w", err)
	}
	return volume{r: r, root: root}, nil
}

// find looks for the file of a path by the names of ISO 9660 itself, without any of its extensions: eight and three characters of each count,
// which are enough for all that Quarry asks for. The error is fs.ErrNotExist for what isn't there.
func (v volume) find(path string) (stored, error) {
	at := v.root
	for _, name := range strings.Split(path, "/") {
		if !at.folder {
			return stored{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
		}
		next, err := v.look(at, plainName(name))
		if err != nil {
			return stored{}, fmt.Errorf("%s: %w", path, err)
		}
		at = next
	}
	return at, nil
}

// plainName is the least that ISO 9660 keeps of a name: eight capitals, a dot and three more if there are any; no version, no dot in front.
func plainName(name string) string {
	name, _, _ = strings.Cut(strings.ToUpper(name), ";")
	if strings.HasPrefix(name, ".") {
		name = "_" + name[1:]
	}
	base, extension, _ := strings.Cut(name, ".")
	base = base[:min(8, len(base))]
	if extension = extension[:min(3, len(extension))]; extension == "" {
		return base
	}
	return base + "." + extension
}

// look finds the entry with a plain name in a folder.
func (v volume) look(folder stored, name string) (stored, error) {
	if folder.size() > maxFolder {
		return stored{}, fmt.Errorf("its folder has %d bytes, which is too many", folder.size())
	}
	var found stored
	block := make([]byte, sector)
	for _, e := range folder.extents {
		for done := int64(0); done < e.size; done += sector {
			if _, err := v.r.ReadAt(block, e.at+done); err != nil {
				return stored{}, err
			}
			// Records don't cross sectors; a sector's rest is zero.
			for rest := block; len(rest) > 0 && rest[0] != 0; {
				length := int(rest[0])
				if length > len(rest) {
					return stored{}, errors.New("a folder's record is cut")
				}
				s, id, more, err := parseRecord(rest[:length])
				if err != nil {
					return stored{}, err
				}
				rest = rest[length:]
				if plainName(id) != name {
					continue
				}
				found.folder = s.folder
				found.extents = append(found.extents, s.extents...)
				if len(found.extents) > maxExtents {
					return stored{}, errors.New("it has too many parts")
				}
				if !more {
					return found, nil
				}
			}
		}
	}
	if len(found.extents) > 0 {
		return stored{}, errors.New("its last part is missing")
	}
	return stored{}, fs.ErrNotExist
}

// parseRecord reads a folder's record (ECMA-119, 9.1); more says that the file goes on in the next one.
func parseRecord(b []byte) (s stored, id string, more bool, err error) {
	if len(b) < 34 || 33+int(b[32]) > len(b) {
		return s, "", false, errors.New("a folder's record is too short")
	}
	at, size := int64(binary.LittleEndian.Uint32(b[2:]))*sector, int64(binary.LittleEndian.Uint32(b[10:]))
	flags := b[25]
	s = stored{folder: flags&2 != 0, extents: []extent{{at, size}}}
	return s, string(b[33 : 33+int(b[32])]), flags&0x80 != 0, nil
}

// read reads a file that has at most so many bytes.
func (v volume) read(s stored, most int64) ([]byte, error) {
	if s.size() > most {
		return nil, fmt.Errorf("it has %d bytes, which is too many", s.size())
	}
	data := make([]byte, 0, s.size())
	for _, e := range s.extents {
		part := make([]byte, e.size)
		if _, err := v.r.ReadAt(part, e.at); err != nil {
			return nil, err
		}
		data = append(data, part...)
	}
	return data, nil
}
