package packaging

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

// vmdk is the stream-optimised form of VMware's format, in which grains are compressed by zlib: what OVF packages hold. Its header and
// descriptor are described in VMware's "Virtual Disk Format 5.0".
type vmdk struct{}

func (vmdk) Name() string           { return "vmdk" }
func (vmdk) Takes() Kind            { return Disk }
func (vmdk) Outputs() []plan.Output { return []plan.Output{{Format: "vmdk"}} }

// The forms of a vmdk that is one file.
const (
	vmdkStream = "streamOptimized"  // for packages; machines don't run from it
	vmdkSparse = "monolithicSparse" // for machines
)

func (vmdk) write(ctx context.Context, j job) (int64, error) {
	return j.in.Disk.VirtualSize, writeVMDK(ctx, *j.in.Disk, vmdkStream, j.path, j.percent)
}

// writeVMDK makes a vmdk, whose descriptor holds the base name of path.
func writeVMDK(ctx context.Context, d artifact.Disk, form, path string, percent meter) error {
	c := qemuimg.Conversion{
		From: d.Path, FromFormat: d.Format, To: path, ToFormat: "vmdk", Options: []string{"subformat=" + form, "adapter_type=lsilogic"},
	}
	if err := qemuimg.Convert(ctx, c, percent); err != nil {
		return err
	}
	return sealVMDK(path, form)
}

// contentID is the descriptor's line with the id that changes with the content.
func contentID() *regexp.Regexp { return regexp.MustCompile(`(?m)^CID=[0-9a-f]{1,8}$`) }

// sealVMDK replaces the content id that qemu-img makes up by one that is the same each time.
func sealVMDK(path, form string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	text, at, err := readDescriptor(f, form)
	if err != nil {
		return err
	}
	// With all eight digits the text is never shorter than it was, and nothing of the old one stays.
	write := func(id uint32) error {
		text = contentID().ReplaceAll(text, fmt.Appendf(nil, "CID=%08x", id))
		_, err := f.WriteAt(text, at)
		return err
	}
	if err := write(0); err != nil {
		return err
	}
	id, err := identity(f)
	if err != nil {
		return err
	}
	// The highest value stands for "no parent".
	if err := write(binary.BigEndian.Uint32(id[:4]) & 0x7fffffff); err != nil {
		return err
	}
	return f.Close()
}

// vmdkHeader is the beginning of a sparse extent's header, little-endian. Sizes and offsets are in sectors.
type vmdkHeader struct {
	Magic            [4]byte
	Version          uint32
	Flags            uint32
	Capacity         uint64
	GrainSize        uint64
	DescriptorOffset uint64
	DescriptorSize   uint64
}

const (
	vmdkMagic       = "KDMV"
	vmdkStreamFlags = 3 << 16 // grains are compressed, and there are markers between them
	vmdkMaxSectors  = 1 << 40
	vmdkMaxText     = 64 << 10 // bytes of a descriptor; qemu-img's has 10 KiB
)

// readDescriptor returns the descriptor's text and where it is, after checking that the file is a vmdk of the form and of one extent: itself.
func readDescriptor(f *os.File, form string) ([]byte, int64, error) {
	var h vmdkHeader
	buf := make([]byte, sector)
	if _, err := f.ReadAt(buf, 0); err != nil {
		return nil, 0, fmt.Errorf("it is too small for a vmdk: %w", err)
	}
	if err := binary.Read(bytes.NewReader(buf), binary.LittleEndian, &h); err != nil {
		return nil, 0, err
	}
	switch {
	case string(h.Magic[:]) != vmdkMagic:
		return nil, 0, errors.New("it has no header of a sparse vmdk")
	case (h.Flags&vmdkStreamFlags != 0) != (form == vmdkStream):
		return nil, 0, fmt.Errorf("it is no %s vmdk: its flags are %#x", form, h.Flags)
	case h.Capacity == 0 || h.Capacity > vmdkMaxSectors:
		return nil, 0, fmt.Errorf("its capacity of %d sectors is impossible", h.Capacity)
	case h.DescriptorOffset == 0 || h.DescriptorOffset > vmdkMaxSectors || h.DescriptorSize == 0 || h.DescriptorSize > vmdkMaxText/sector:
		return nil, 0, fmt.Errorf("its descriptor has %d sectors at sector %d", h.DescriptorSize, h.DescriptorOffset)
	}
	at := int64(h.DescriptorOffset) * sector
	text := make([]byte, h.DescriptorSize*sector)
	if _, err := f.ReadAt(text, at); err != nil {
		return nil, 0, fmt.Errorf("reading its descriptor: %w", err)
	}
	text, _, _ = bytes.Cut(text, []byte{0})
	if !bytes.Contains(text, []byte(`createType="`+form+`"`)) {
		return nil, 0, fmt.Errorf("its descriptor does not say that it is %s", form)
	}
	return text, at, nil
}

func (vmdk) check(ctx context.Context, path, _ string, _ plan.Output) error {
	return checkVMDK(ctx, path, vmdkStream)
}

func checkVMDK(ctx context.Context, path, form string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, _, err := readDescriptor(f, form); err != nil {
		return err
	}
	if _, err := readAlone(ctx, path, "vmdk"); err != nil {
		return err
	}
	return qemuimg.Check(ctx, path, "vmdk")
}

func (vmdk) unpack(ctx context.Context, path, _ string, _ meter) (Source, error) {
	if err := checkVMDK(ctx, path, vmdkStream); err != nil { // other forms name other files of the host
		return Source{}, err
	}
	return unpackAsIs(ctx, path, "vmdk")
}
