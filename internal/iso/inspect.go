package iso

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Report is what an image says of itself. Nothing in it was compared with the content; CheckMD5 does that.
type Report struct {
	VolumeID string   `json:"volumeID"`
	Size     int64    `json:"size"`               // of the volume, bytes
	System   string   `json:"system,omitempty"`   // family and version of .treeinfo
	Arch     string   `json:"arch,omitempty"`     // of .treeinfo
	Entries  []Entry  `json:"entries,omitempty"`  // El Torito's: how it starts as a CD
	Disk     []string `json:"disk,omitempty"`     // how it starts as a disk, in words
	Kernel   string   `json:"kernel,omitempty"`   // path in the image
	Squashfs Squashfs `json:"squashfs,omitzero"`  // the main image
	MD5      string   `json:"md5,omitempty"`      // the implanted checksum
	Unknown  []string `json:"unknown,omitempty"`  // what could not be read, and why
	Firmware []string `json:"firmware,omitempty"` // what can start it in some way: "bios", "uefi", "open firmware", "s390x"
}

// Squashfs is the superblock of a squashfs in an image.
type Squashfs struct {
	Path        string `json:"path"`
	Size        int64  `json:"size"` // of the file in the image, bytes
	Compression string `json:"compression"`
	BlockSize   int64  `json:"blockSize"`
	Inodes      int64  `json:"inodes"`
	Made        int64  `json:"made"` // seconds since 1970
}

// Inspect reads the image at path, which may be anybody's. An error means that it is no ISO 9660 image, or is cut; what else can't be read is in
// Report.Unknown.
func Inspect(path string) (Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return Report{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Report{}, err
	}
	r, err := inspect(f, info.Size())
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// mains are the paths of main images, of live systems and of installers, kernels those of kernels on all architectures.
func mains() []string { return []string{"LiveOS/squashfs.img", "images/install.img"} }
func kernels() []string {
	return []string{"images/pxeboot/vmlinuz", "ppc/ppc64/vmlinuz", "images/kernel.img"}
}

func inspect(f io.ReaderAt, size int64) (Report, error) {
	all, err := readDescriptors(f)
	if err != nil {
		return Report{}, err
	}
	d, err := primaryOf(all)
	if err != nil {
		return Report{}, err
	}
	r := Report{VolumeID: d.volumeID(), Size: d.size()}
	if size < r.Size {
		return Report{}, fmt.Errorf("it is cut: %d of %d bytes are there", size, r.Size)
	}
	if m, err := parseImplanted(d.application()); err == nil {
		r.MD5 = m.sum
	}
	v, err := openVolume(f, d)
	if err != nil {
		return Report{}, err
	}
	r.unknown("files", r.files(v))
	r.unknown("how it starts as a CD", r.cd(v, all))
	r.unknown("how it starts as a disk", r.disk(v))
	return r, nil
}

func (r *Report) unknown(what string, err error) {
	if err != nil {
		r.Unknown = append(r.Unknown, what+": "+err.Error())
	}
}

// files reads the files that say what the image is.
func (r *Report) files(v volume) error {
	var errs []error
	for _, path := range kernels() {
		if s, err := v.find(path); err == nil && !s.folder {
			r.Kernel = path
			break
		}
	}
	for _, path := range mains() {
		s, err := v.find(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			r.Squashfs, err = readSquashfs(v, s, path)
		}
		errs = append(errs, err)
		break
	}
	if s, err := v.find(treeinfo); err == nil {
		text, err := v.read(s, 1<<20)
		errs = append(errs, err)
		values := treeinfoValues(text)
		r.Arch = values["arch"]
		r.System = strings.TrimSpace(values["family"] + " " + values["version"])
	}
	return errors.Join(errs...)
}

// treeinfoValues are the values of .treeinfo's section "general".
func treeinfoValues(text []byte) map[string]string {
	values, section := map[string]string{}, ""
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(strings.TrimSpace(line), "[]")
		}
		if name, value, ok := strings.Cut(line, "="); ok && section == "general" {
			values[strings.TrimSpace(name)] = printable([]byte(strings.TrimSpace(value)))
		}
	}
	return values
}

// readSquashfs reads a superblock (https://dr-emann.github.io/squashfs/, "The Superblock").
func readSquashfs(v volume, s stored, path string) (Squashfs, error) {
	block := make([]byte, 96)
	if s.folder || s.size() < int64(len(block)) {
		return Squashfs{}, fmt.Errorf("%s is no squashfs", path)
	}
	if _, err := v.r.ReadAt(block, s.extents[0].at); err != nil {
		return Squashfs{}, fmt.Errorf("%s: %w", path, err)
	}
	used := binary.LittleEndian.Uint64(block[40:])
	if string(block[:4]) != "hsqs" || binary.LittleEndian.Uint16(block[28:]) != 4 {
		return Squashfs{}, fmt.Errorf("%s is no squashfs", path)
	}
	if used > uint64(s.size()) {
		return Squashfs{}, fmt.Errorf("%s is cut: %d of %d bytes are there", path, s.size(), used)
	}
	names := map[uint16]string{1: "gzip", 2: "lzma", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}
	out := Squashfs{
		Path: path, Size: s.size(), Inodes: int64(binary.LittleEndian.Uint32(block[4:])), Made: int64(binary.LittleEndian.Uint32(block[8:])),
		BlockSize: int64(binary.LittleEndian.Uint32(block[12:])), Compression: names[binary.LittleEndian.Uint16(block[20:])],
	}
	if out.Compression == "" {
		return Squashfs{}, fmt.Errorf("%s has an unknown compression", path)
	}
	return out, nil
}

// cd reads the boot catalogue, and finds the entries' files.
func (r *Report) cd(v volume, all []descriptor) error {
	entries, err := catalogue(v.r, all)
	if err != nil {
		return err
	}
	paths := map[int64]string{}
	for _, path := range []string{isolinuxDir + "/isolinux.bin", "images/eltorito.img", efiImage, s390Image} {
		if s, err := v.find(path); err == nil {
			paths[s.extents[0].at/sector] = path
		}
	}
	for i, e := range entries {
		entries[i].Path = paths[e.LBA]
		switch {
		case entries[i].Path == s390Image:
			r.starts("s390x")
		case e.Platform == BIOS:
			r.starts("bios")
		case e.Platform == UEFI:
			r.starts("uefi")
		}
	}
	r.Entries = entries
	return nil
}

// disk says how the image starts as a disk.
func (r *Report) disk(v volume) error {
	s, err := readDiskStart(v.r)
	if s.code {
		r.Disk = append(r.Disk, "BIOS")
		r.starts("bios")
	}
	if s.efi {
		r.Disk = append(r.Disk, "UEFI")
		r.starts("uefi")
	}
	if _, e := v.find("ppc/bootinfo.txt"); s.chrp && e == nil {
		r.Disk = append(r.Disk, "Open Firmware")
		r.starts("open firmware")
	}
	return err
}

func (r *Report) starts(firmware string) {
	for _, f := range r.Firmware {
		if f == firmware {
			return
		}
	}
	r.Firmware = append(r.Firmware, firmware)
}
