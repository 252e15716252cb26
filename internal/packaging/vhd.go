package packaging

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

// vhd is a fixed Virtual Hard Disk as Azure takes it: the disk's bytes, a whole number of MiB, and a footer. The footer is described
// in Microsoft's "Virtual Hard Disk Image Format Specification", version 1.0.
type vhd struct{}

// vhdUnit is what Azure wants sizes to be multiples of, in bytes.
const vhdUnit = 1 << 20

func (vhd) Name() string           { return "vhd" }
func (vhd) Takes() Kind            { return Disk }
func (vhd) Outputs() []plan.Output { return []plan.Output{{Format: "vhd"}} }

func (vhd) write(ctx context.Context, j job) (int64, error) {
	virtual := (j.in.Disk.VirtualSize + vhdUnit - 1) / vhdUnit * vhdUnit
	c := qemuimg.Conversion{
		From: j.in.Disk.Path, FromFormat: j.in.Disk.Format, To: j.path, ToFormat: "vpc", Size: virtual,
		// With force_size readers take the size as it is and not, rounded, from the geometry.
		Options: []string{"subformat=fixed", "force_size=on"},
	}
	if err := qemuimg.Convert(ctx, c, j.percent); err != nil {
		return 0, err
	}
	return virtual, sealVHD(j.path)
}

// sealVHD replaces what qemu-img makes up in the footer, the time and the id, by what is the same each time.
func sealVHD(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	footer, at, err := readFooter(f)
	if err != nil {
		return err
	}
	footer.Time, footer.ID = 0, [16]byte{}
	if _, err := f.WriteAt(footer.sealed(), at); err != nil {
		return err
	}
	id, err := identity(f)
	if err != nil {
		return err
	}
	footer.ID = [16]byte(id[:16])
	if _, err := f.WriteAt(footer.sealed(), at); err != nil {
		return err
	}
	return f.Close()
}

func (vhd) check(_ context.Context, path, _ string, _ plan.Output) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	footer, at, err := readFooter(f)
	if err != nil {
		return err
	}
	return footer.check(at)
}

func (v vhd) unpack(ctx context.Context, path, _ string, _ meter) (Source, error) {
	// qemu-img takes a file without a footer of this kind for some other VHD: one that may name parents.
	if err := v.check(ctx, path, "", plan.Output{}); err != nil {
		return Source{}, err
	}
	return unpackAsIs(ctx, path, "vpc")
}

// vhdFooter is the last sector of a VHD, big-endian.
type vhdFooter struct {
	Cookie         [8]byte
	Features       uint32
	Version        uint32
	DataOffset     uint64
	Time           uint32 // seconds since 2000
	Creator        [4]byte
	CreatorVersion uint32
	CreatorHost    [4]byte
	OriginalSize   uint64
	CurrentSize    uint64
	Geometry       uint32
	Type           uint32
	Checksum       uint32
	ID             [16]byte
	Saved          uint8
	Reserved       [427]byte
}

// Values of a fixed disk's footer.
const (
	vhdCookie  = "conectix"
	vhdVersion = 1 << 16
	vhdFixed   = 2
	vhdNoData  = 1<<64 - 1 // DataOffset of what has no further header
)

// readFooter returns the footer and where it is, which is also how many bytes are before it.
func readFooter(f *os.File) (vhdFooter, int64, error) {
	var footer vhdFooter
	info, err := f.Stat()
	if err != nil {
		return footer, 0, err
	}
	at := info.Size() - sector
	if at <= 0 {
		return footer, 0, errors.New("it is too small for a VHD")
	}
	buf := make([]byte, sector)
	if _, err := f.ReadAt(buf, at); err != nil {
		return footer, 0, err
	}
	return footer, at, binary.Read(bytes.NewReader(buf), binary.BigEndian, &footer)
}

// bytes are the footer as it is in the file.
func (f vhdFooter) bytes() []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.BigEndian, f) // a struct of numbers into memory
	return b.Bytes()
}

// sum is the checksum that the footer should have.
func (f vhdFooter) sum() uint32 {
	f.Checksum = 0
	var sum uint32
	for _, b := range f.bytes() {
		sum += uint32(b)
	}
	return ^sum
}

// sealed are the footer's bytes with the checksum that they should have.
func (f vhdFooter) sealed() []byte {
	f.Checksum = f.sum()
	return f.bytes()
}

// check says what is wrong with the footer of a file with so many bytes before it.
func (f vhdFooter) check(before int64) error {
	switch {
	case string(f.Cookie[:]) != vhdCookie:
		return errors.New("it has no VHD footer")
	case f.Checksum != f.sum():
		return fmt.Errorf("its footer's checksum is %08x and should be %08x", f.Checksum, f.sum())
	case f.Type != vhdFixed || f.DataOffset != vhdNoData:
		return fmt.Errorf("it is no fixed disk: its type is %d, with a header at %d", f.Type, f.DataOffset)
	case f.Version != vhdVersion:
		return fmt.Errorf("its footer has version %#x, not 1.0", f.Version)
	case f.CurrentSize != uint64(before) || f.OriginalSize != f.CurrentSize:
		return fmt.Errorf("its footer says %d bytes (at first %d), and there are %d", f.CurrentSize, f.OriginalSize, before)
	case before%vhdUnit != 0:
		return fmt.Errorf("its %d bytes are no whole number of MiB, which Azure demands", before)
	}
	return nil
}
