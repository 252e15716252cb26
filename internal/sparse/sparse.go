// Package sparse writes files with holes where there are only zeros: a disk takes no more room than what is on it. It knows no formats.
package sparse

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// hole is how many zero bytes, at a multiple of that, become a hole in a file.
const hole = 64 << 10

// Copy copies r into f, which is new, with holes where there are only zeros. It returns the file's size in bytes.
func Copy(f *os.File, r io.Reader) (int64, error) {
	var size int64
	zeros, buf := make([]byte, hole), make([]byte, hole)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 && !bytes.Equal(buf[:n], zeros[:n]) {
			if _, err := f.WriteAt(buf[:n], size); err != nil {
				return size, err
			}
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return size, f.Truncate(size)
		}
		if err != nil {
			return size, err
		}
	}
}
