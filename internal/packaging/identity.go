package packaging

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// identityBlock is the size in bytes of what is digested or left out.
const identityBlock = 64 << 10

// identity digests what is in f, leaving out blocks of zeros: formats that want an id for an image get one that is its content's. A hole and
// the zeros that it stands for have the same digest.
func identity(f *os.File) ([sha256.Size]byte, error) {
	sum := sha256.New()
	zeros, buf := make([]byte, identityBlock), make([]byte, identityBlock)
	for at := int64(0); ; at += identityBlock {
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // only a hole is left
		}
		if err != nil {
			return [sha256.Size]byte{}, err
		}
		at = data - data%identityBlock
		n, err := f.ReadAt(buf, at)
		if n > 0 && !bytes.Equal(buf[:n], zeros[:n]) {
			var place [8]byte
			binary.LittleEndian.PutUint64(place[:], uint64(at))
			sum.Write(place[:])
			sum.Write(buf[:n])
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return [sha256.Size]byte{}, err
		}
	}
	return [sha256.Size]byte(sum.Sum(nil)), nil
}
