package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/diskfs/go-diskfs/backend"
	"github.com/diskfs/go-diskfs/partition"
	"github.com/diskfs/go-diskfs/partition/gpt"
	"github.com/diskfs/go-diskfs/partition/mbr"
)

const sector = 512

// Types of partitions that say how a disk starts.
const (
	typeESP      = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	typeBIOSBoot = "21686148-6449-6E6F-744E-656564454649"
	typePReP     = "9E1A2D38-C612-4316-AA26-8B49521E5A8B"
	mbrESP       = "0xef"
	mbrPReP      = "0x41"
)

// disk looks at a raw disk.
func (l looker) disk(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	d := &device{SectionReader: io.NewSectionReader(&budget{r: file, left: maxRead}, 0, info.Size()), info: info}
	if err := l.partitions(d); err != nil {
		l.unknown("partitions", err)
	}
	var found []files
	for i := range l.report.Partitions {
		p := &l.report.Partitions[i]
		p.FileSystem = probe(io.NewSectionReader(d, p.Start, p.Size))
		if p.FileSystem.Type == lvmMember {
			l.volumes(d, *p)
		}
		found = append(found, l.open(d, fmt.Sprintf("partition %d", p.Number), p.FileSystem.Type, p.Start, p.Size)...)
	}
	for _, v := range l.report.Volumes {
		if v.start > 0 {
			found = append(found, l.open(d, "volume "+v.Group+"/"+v.Name, v.Type, v.start, v.Size)...)
		}
	}
	if len(l.report.Partitions) == 0 { // a file system on the whole disk
		if whole := probe(d.SectionReader); whole.Type != "" {
			l.report.Partitions = []Partition{{Size: d.Size(), FileSystem: whole}}
			found = l.open(d, "disk", whole.Type, 0, d.Size())
		}
	}
	l.boot(d, found)
	l.system(found)
	return nil
}

// partitions reads the partition table.
func (l looker) partitions(d *device) error {
	return guarded(func() error {
		table, err := partition.Read(d, sector, sector)
		if err != nil {
			return err
		}
		switch t := table.(type) {
		case *gpt.Table:
			l.report.Table = "gpt"
			for _, p := range t.Partitions {
				if p.Type == gpt.Unused {
					continue
				}
				l.add(d, Partition{
					Number: p.Index, Start: int64(p.Start) * sector, Size: int64(p.Size), Type: string(p.Type), Name: p.Name, UUID: strings.ToLower(p.GUID),
				})
			}
		case *mbr.Table:
			l.report.Table = "mbr"
			for i, p := range t.Partitions {
				if p.Type == mbr.Empty {
					continue
				}
				l.add(d, Partition{
					Number: i + 1, Start: int64(p.Start) * sector, Size: int64(p.Size) * sector, Type: fmt.Sprintf("0x%02x", byte(p.Type)), Active: p.Bootable,
					UUID: strings.ToLower(p.UUID()),
				})
			}
		default:
			return fmt.Errorf("a table of the type %q", table.Type())
		}
		return nil
	})
}

// add adds a partition, if it is on the disk.
func (l looker) add(d *device, p Partition) {
	if p.Start < 0 || p.Size < 0 || p.Start > d.Size() || p.Size > d.Size()-p.Start {
		l.unknown(fmt.Sprintf("partition %d", p.Number), errors.New("it ends behind the end of the disk"))
		return
	}
	l.report.Partitions = append(l.report.Partitions, p)
}

// boot says how the disk can start, as far as the disk tells.
func (l looker) boot(d *device, found []files) {
	first := make([]byte, sector)
	if _, err := d.ReadAt(first, 0); err != nil {
		l.unknown("boot code", err)
		return
	}
	add := func(words string) { l.report.Boot = append(l.report.Boot, words) }
	if bytes.HasPrefix(first, []byte("zIPL")) {
		add("zIPL")
	} else if bytes.ContainsFunc(first[:440], func(r rune) bool { return r != 0 }) {
		loader := "boot code in the MBR"
		if bytes.Contains(first, []byte("GRUB")) {
			loader += " (GRUB)"
		}
		add("BIOS: " + loader)
	}
	for _, p := range l.report.Partitions {
		switch strings.ToUpper(p.Type) {
		case typePReP, strings.ToUpper(mbrPReP):
			add(fmt.Sprintf("Open Firmware: PReP partition %d", p.Number))
		case typeBIOSBoot:
			add(fmt.Sprintf("BIOS: GRUB's partition %d", p.Number))
		}
	}
	for _, f := range found {
		for _, name := range f.list("EFI/BOOT") {
			if upper := strings.ToUpper(name); strings.HasPrefix(upper, "BOOT") && strings.HasSuffix(upper, ".EFI") {
				add("UEFI: " + name + " in " + f.where)
			}
		}
		if f.kind == "vfat" {
			for _, name := range f.list(".") {
				switch strings.ToLower(name) {
				case "bootcode.bin", "start4.elf":
					add("Raspberry Pi: " + name + " in " + f.where)
				}
			}
		}
	}
}

// maxRead is how many bytes of a disk are read at most, so that no damaged or malicious structure keeps this busy for ever.
const maxRead = 4 << 30

// budget ends with an error when enough was read.
type budget struct {
	r    io.ReaderAt
	left int64
}

func (b *budget) ReadAt(p []byte, at int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("its structures are endless")
	}
	return b.r.ReadAt(p, at)
}

// device is a disk as go-diskfs wants it: read-only.
type device struct {
	*io.SectionReader
	info fs.FileInfo
}

func (d *device) Stat() (fs.FileInfo, error)              { return d.info, nil }
func (d *device) Close() error                            { return nil }
func (d *device) Sys() (*os.File, error)                  { return nil, errors.ErrUnsupported }
func (d *device) Writable() (backend.WritableFile, error) { return nil, errors.ErrUnsupported }
func (d *device) Path() string                            { return "" }

// guarded turns a library's panic into an error: what it reads may be anybody's.
func guarded(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its structures are damaged: %v", p)
		}
	}()
	return work()
}
