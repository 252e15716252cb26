package packaging

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Sizes and marks of https://tukaani.org/xz/xz-file-format.txt, in bytes.
const (
	xzEdge      = 12                     // stream header; the footer has as many
	xzCheck     = 8                      // CRC64
	xzHasSizes  = 0xc0                   // block flags: both sizes are in the header
	xzSizesAt   = 2                      // of the block header
	xzMaxHeader = 1024                   // of a block
	xzMagic     = "\xfd7zXZ\x00\x00\x04" // a stream header whose check is CRC64, but for its checksum
)

// xzRecord is a block in a stream's index, in bytes: of the file without padding, and of what is in it.
type xzRecord struct{ unpadded, content uint64 }

// joinXZ copies the program's stream and puts the blocks of zeros in that it wasn't given. It is one stream again, with an index of its own.
func joinXZ(dst io.Writer, made io.Reader, blocks *xzBlocks) error {
	in := bufio.NewReaderSize(made, xzMaxHeader)
	head := make([]byte, xzEdge)
	if _, err := io.ReadFull(in, head); err != nil {
		return xzCut(err)
	}
	if !bytes.HasPrefix(head, []byte(xzMagic)) {
		return fmt.Errorf("xz wrote a stream that begins with %x", head)
	}
	if _, err := dst.Write(head); err != nil {
		return err
	}
	var index []xzRecord
	var zeros bytes.Buffer // the block of them
	var zero xzRecord
	for i := 0; ; i++ {
		if i > 0 {
			for range blocks.after(i - 1) {
				if _, err := dst.Write(zeros.Bytes()); err != nil {
					return err
				}
				index = append(index, zero)
			}
		}
		r, err := xzBlockSizes(in)
		if errors.Is(err, errXZIndex) {
			_, err = dst.Write(xzEnd(index, head[6:8]))
			return err
		}
		if err != nil {
			return err
		}
		out := dst
		if blocks.isZero(i) {
			zero, out = r, io.MultiWriter(dst, &zeros)
		}
		if _, err := io.CopyN(out, in, int64(r.unpadded+3)/4*4); err != nil {
			return xzCut(err)
		}
		index = append(index, r)
	}
}

// errXZIndex is what stands where another block could be.
var errXZIndex = errors.New("the index begins")

// xzCut says of a stream that it ended too early.
func xzCut(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the stream that xz writes: %w", err)
}

// xzBlockSizes looks at the header of the block that in comes to.
func xzBlockSizes(in *bufio.Reader) (xzRecord, error) {
	first, err := in.Peek(1)
	if err != nil {
		return xzRecord{}, xzCut(err)
	}
	if first[0] == 0 {
		return xzRecord{}, errXZIndex
	}
	size := (int(first[0]) + 1) * 4
	head, err := in.Peek(size)
	if err != nil {
		return xzRecord{}, xzCut(err)
	}
	if head[1]&xzHasSizes != xzHasSizes {
		return xzRecord{}, errors.New("xz wrote a block that doesn't say its sizes")
	}
	sizes := head[xzSizesAt:]
	compressed, n := binary.Uvarint(sizes) // the format's integers are these, of 9 bytes at most
	content, m := binary.Uvarint(sizes[max(n, 0):])
	if n <= 0 || m <= 0 || compressed > 2*xzBlock || content > xzBlock {
		return xzRecord{}, fmt.Errorf("xz wrote a block with the header %x", head)
	}
	return xzRecord{unpadded: uint64(size) + compressed + xzCheck, content: content}, nil
}

// xzEnd is a stream's index and footer.
func xzEnd(records []xzRecord, flags []byte) []byte {
	b := binary.AppendUvarint([]byte{0}, uint64(len(records)))
	for _, r := range records {
		b = binary.AppendUvarint(binary.AppendUvarint(b, r.unpadded), r.content)
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	footer := append(binary.LittleEndian.AppendUint32(nil, uint32(len(b)/4-1)), flags...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(footer))
	return append(append(b, footer...), 'Y', 'Z')
}
