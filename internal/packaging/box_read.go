package packaging

import (
	"archive/tar"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/sparse"
)

// maxBoxText is how many bytes are read of each file of a box other than the disk.
const maxBoxText = 1 << 20

// openBox is a box whose disk was unpacked.
type openBox struct {
	metadata metadata
	texts    map[string][]byte // the other files
	name     string            // of the disk in the box
	disk     Source
}

func (box) check(ctx context.Context, path, dir string, out plan.Output) error {
	work, err := os.MkdirTemp(dir, "box-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b, err := openBoxFile(ctx, path, work, func(float64) {})
	if err != nil {
		return err
	}
	if err := b.check(out.Provider); err != nil {
		return err
	}
	switch disk := b.disk.Disk.Path; out.Provider {
	case libvirt:
		return checkQCOW2(ctx, disk, "")
	case virtualBox:
		return checkVMDK(ctx, disk, vmdkStream)
	default:
		return checkVMDK(ctx, disk, vmdkSparse)
	}
}

// check compares what the box says of itself with what it should be and with its disk.
func (b openBox) check(provider string) error {
	size := b.disk.Disk.VirtualSize
	if want := metadataOf(provider, size); b.metadata != want {
		return fmt.Errorf("its %s says %+v and should say %+v", boxMetadata, b.metadata, want)
	}
	needs := []string{boxFile, boxInfo}
	switch provider {
	case virtualBox:
		needs = append(needs, boxOVF)
	case vmware:
		needs = append(needs, boxVMX)
	}
	for _, name := range needs {
		if len(b.texts[name]) == 0 {
			return fmt.Errorf("it has no %s", name)
		}
	}
	switch provider {
	case virtualBox:
		return checkOVF(b.texts[boxOVF], b.name, size)
	case vmware:
		if line := fmt.Sprintf(".fileName = %q", b.name); !strings.Contains(string(b.texts[boxVMX]), line) {
			return fmt.Errorf("its %s does not name the disk %s", boxVMX, b.name)
		}
	}
	return nil
}

// checkOVF says whether an OVF envelope is about one disk of that name and size, and about a machine that has it.
func checkOVF(text []byte, disk string, size int64) error {
	var ovf struct {
		Files []struct {
			ID   string `xml:"id,attr"`
			Href string `xml:"href,attr"`
		} `xml:"References>File"`
		Disks []struct {
			ID       string `xml:"diskId,attr"`
			File     string `xml:"fileRef,attr"`
			Capacity int64  `xml:"capacity,attr"`
		} `xml:"DiskSection>Disk"`
		Hosts []string `xml:"VirtualSystem>VirtualHardwareSection>Item>HostResource"`
	}
	if err := xml.Unmarshal(text, &ovf); err != nil {
		return fmt.Errorf("reading its %s: %w", boxOVF, err)
	}
	if len(ovf.Files) != 1 || len(ovf.Disks) != 1 || len(ovf.Hosts) != 1 {
		return fmt.Errorf("its %s has %d files, %d disks and %d uses of them; want one each", boxOVF, len(ovf.Files), len(ovf.Disks), len(ovf.Hosts))
	}
	f, d := ovf.Files[0], ovf.Disks[0]
	if f.Href != disk || d.File != f.ID || d.Capacity != size || ovf.Hosts[0] != "/disk/"+d.ID {
		return fmt.Errorf("its %s describes the disk %s of %d bytes, and there is %s of %d bytes", boxOVF, f.Href, d.Capacity, disk, size)
	}
	return nil
}

func (box) unpack(ctx context.Context, path, dir string, percent meter) (Source, error) {
	b, err := openBoxFile(ctx, path, dir, percent)
	return b.disk, err
}

// openBoxFile reads a box and unpacks its disk into dir.
func openBoxFile(ctx context.Context, path, dir string, percent meter) (openBox, error) {
	b := openBox{texts: map[string][]byte{}}
	f, err := os.Open(path)
	if err != nil {
		return b, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return b, err
	}
	unpacked := filepath.Join(dir, "box.disk")
	err = gzip{}.decompress(ctx, percent.reader(ctx, f, info.Size()), func(r io.Reader) error {
		if err := b.read(r, unpacked); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, r) // up to the checksum
		return err
	})
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(b.texts[boxMetadata], &b.metadata); err != nil {
		return b, fmt.Errorf("reading its %s: %w", boxMetadata, err)
	}
	format := "vmdk"
	switch b.metadata.Provider {
	case libvirt:
		format = "qcow2"
	case virtualBox, vmware:
		form := map[string]string{virtualBox: vmdkStream, vmware: vmdkSparse}[b.metadata.Provider]
		if b.name == "" {
			break
		}
		if err := checkVMDK(ctx, unpacked, form); err != nil {
			return b, err
		}
	default:
		return b, fmt.Errorf("it is for the provider %q: want %s, %s or %s", b.metadata.Provider, libvirt, virtualBox, vmware)
	}
	if b.name == "" {
		return b, errors.New("it has no disk")
	}
	b.disk, err = unpackAsIs(ctx, unpacked, format)
	return b, err
}

// read takes the box's tar apart: the disk goes to the file unpacked, all else into texts.
func (b *openBox) read(r io.Reader, unpacked string) error {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if h.Typeflag != tar.TypeReg {
			continue // folders; no provider needs links
		}
		if name == boxDisk(libvirt) || path.Ext(name) == ".vmdk" {
			if b.name != "" {
				return fmt.Errorf("it has two disks, %s and %s", b.name, name)
			}
			b.name = name
			if err := saveSparse(unpacked, t); err != nil {
				return err
			}
			continue
		}
		if h.Size > maxBoxText || len(b.texts) >= 100 {
			return fmt.Errorf("its file %q of %d bytes is no part of a box", name, h.Size)
		}
		if b.texts[name], err = io.ReadAll(t); err != nil {
			return err
		}
	}
}

// saveSparse writes r to a new file.
func saveSparse(path string, r io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := sparse.Copy(f, r); err != nil {
		return err
	}
	return f.Close()
}
