package packaging

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"path/filepath"
	"regexp"
	"text/template"

	"github.com/quarry-project/quarry/internal/plan"
)

// box is Vagrant's package of a machine: a tar.gz with metadata.json, a Vagrantfile, info.json (which `vagrant box list -i` shows), the disk and, where the
// provider has one, its description of a machine. Vagrant's documentation of the box file format says what has to be there; the
// documentation of each provider adds the rest.
type box struct{}

// Vagrant's names of the providers.
const (
	libvirt    = "libvirt"
	virtualBox = "virtualbox"
	vmware     = "vmware_desktop"
)

// Names in a box.
const (
	boxMetadata = "metadata.json"
	boxInfo     = "info.json"
	boxFile     = "Vagrantfile"
	boxOVF      = "box.ovf"
	boxVMX      = "box.vmx"
)

// boxDisk is the disk's name in a provider's box.
func boxDisk(provider string) string {
	if provider == libvirt {
		return "box.img"
	}
	return "box-disk001.vmdk"
}

//go:embed templates
var templates embed.FS

func (box) Name() string { return "box" }
func (box) Takes() Kind  { return Disk }

func (box) Outputs() []plan.Output {
	return []plan.Output{{Format: "box", Provider: libvirt}, {Format: "box", Provider: virtualBox}, {Format: "box", Provider: vmware}}
}

// metadata is metadata.json.
type metadata struct {
	Format      string `json:"format,omitempty"` // only of libvirt, as is the size
	Provider    string `json:"provider"`
	VirtualSize int64  `json:"virtual_size,omitempty"` // GiB
}

const gib = 1 << 30

// metadataOf describes a disk of so many bytes.
func metadataOf(provider string, size int64) metadata {
	if provider != libvirt {
		return metadata{Provider: provider}
	}
	return metadata{Format: "qcow2", Provider: provider, VirtualSize: (size + gib - 1) / gib}
}

func (box) write(ctx context.Context, j job) (int64, error) {
	provider, d := j.out.Provider, *j.in.Disk
	disk := filepath.Join(j.dir, boxDisk(provider))
	var err error
	switch convert := j.percent.part(0, 60); provider {
	case libvirt:
		err = writeQCOW2(ctx, d, disk, "zlib", convert)
	case virtualBox:
		err = writeVMDK(ctx, d, vmdkStream, disk, convert)
	default:
		err = writeVMDK(ctx, d, vmdkSparse, disk, convert)
	}
	if err != nil {
		return 0, err
	}
	files, err := boxFiles(j.in, provider)
	if err != nil {
		return 0, err
	}
	// The first two disks are compressed already.
	return d.VirtualSize, writeTar(ctx, j.path, gzip{fast: provider != vmware}, append(files, member{name: boxDisk(provider), path: disk}), j.percent.part(60, 100))
}

// boxFiles are what a box holds beside its disk.
func boxFiles(in Source, provider string) ([]member, error) {
	d := in.Disk
	values := map[string]any{
		"Name": regexp.MustCompile(`[^A-Za-z0-9._-]`).ReplaceAllString(in.About.Name, "_"), "Disk": boxDisk(provider),
		"Size": d.VirtualSize, "Arch": d.Arch, "EFI": d.Boot.UEFI && !d.Boot.BIOS,
	}
	about := map[string]string{
		"name": in.About.Name, "distribution": in.About.Distro, "version": in.About.Version, "image": in.About.Image,
		"variant": in.About.Variant, "architecture": d.Arch,
	}
	var files []member
	for _, f := range []struct {
		name  string
		value any
	}{{boxMetadata, metadataOf(provider, d.VirtualSize)}, {boxInfo, about}} {
		text, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		files = append(files, member{name: f.name, data: append(text, '\n')})
	}
	texts := [][2]string{{boxFile, boxFile + "." + provider}}
	switch provider {
	case virtualBox:
		texts = append(texts, [2]string{boxOVF, boxOVF})
	case vmware:
		texts = append(texts, [2]string{boxVMX, boxVMX})
	}
	for _, name := range texts {
		t, err := template.ParseFS(templates, "templates/"+name[1])
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		if err := t.Execute(&text, values); err != nil {
			return nil, err
		}
		files = append(files, member{name: name[0], data: text.Bytes()})
	}
	return files, nil
}
