// Package inspect says what an image file is, of whatever origin, without root, mounts or booting: its format, partitions, file systems, logical volumes,
// how it starts, its kernels and its packages. It only reads; it judges nothing, and what it can't read it calls unknown.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

// Report is what an image is. Sizes are bytes.
type Report struct {
	File        string      `json:"file"`
	Format      string      `json:"format"`                // the published suffix: "qcow2", "raw.xz"
	Size        int64       `json:"size"`                  // of the file
	OnDisk      int64       `json:"onDisk"`                // of the file without its holes
	VirtualSize int64       `json:"virtualSize,omitempty"` // of the disk in it
	Table       string      `json:"table,omitempty"`       // "gpt", "mbr", or "" for none
	Partitions  []Partition `json:"partitions,omitempty"`
	Volumes     []Volume    `json:"volumes,omitempty"`
	Boot        []string    `json:"boot,omitempty"` // how it can start, in words
	Container   *Container  `json:"container,omitempty"`
	Medium      *Medium     `json:"medium,omitempty"`
	OS          string      `json:"os,omitempty"` // PRETTY_NAME of os-release
	Kernels     []string    `json:"kernels,omitempty"`
	Packages    []string    `json:"packages,omitempty"` // name-version-release.arch, sorted
	// Recorded says whose word the packages are where the image's own database can't be read; empty where it was read.
	Recorded string `json:"recorded,omitempty"`
	// Unknown says what could not be read, and why.
	Unknown []string `json:"unknown,omitempty"`
}

// Partition is one partition.
type Partition struct {
	Number int    `json:"number"`
	Start  int64  `json:"start"`
	Size   int64  `json:"size"`
	Type   string `json:"type"` // a GUID or, of an MBR, a number such as "0x83"
	Name   string `json:"name,omitempty"`
	UUID   string `json:"uuid,omitempty"` // of the partition
	Active bool   `json:"active,omitempty"`
	FileSystem
}

// FileSystem is what is in a partition or a volume.
type FileSystem struct {
	Type  string `json:"fsType,omitempty"` // as blkid calls it: "xfs", "ext4", "vfat", "swap", "LVM2_member"; "" for what is not known
	Label string `json:"fsLabel,omitempty"`
	UUID  string `json:"fsUUID,omitempty"`
}

// Volume is a logical volume of LVM.
type Volume struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Size  int64  `json:"size"`
	start int64  // on the disk; 0 if it is not in one piece
	FileSystem
}

// Medium is what an ISO image says of itself, and whether its content is what its implanted checksum was made of.
type Medium struct {
	iso.Report
	MediaCheck string `json:"mediaCheck"` // "passed", or what is wrong
}

// Container is what a container archive says of itself.
type Container struct {
	OS           string            `json:"os"`
	Architecture string            `json:"architecture"`
	Cmd          []string          `json:"cmd,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Layers       []Layer           `json:"layers"`
}

// Layer is a layer of a container.
type Layer struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"` // compressed
}

// Options say how to look. Dir is needed: what has to be unpacked comes into a folder there that is gone afterwards.
type Options struct {
	Dir    string
	Report progress.Func
}

// File looks at the image at path. An error means that nothing could be said; what could not be read otherwise is in Report.Unknown.
func File(ctx context.Context, path string, o Options) (Report, error) {
	report, err := look(ctx, path, o)
	if err != nil {
		return Report{}, fmt.Errorf("inspecting %s: %w", path, err)
	}
	return report, nil
}

func look(ctx context.Context, path string, o Options) (Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Report{}, err
	}
	if !info.Mode().IsRegular() {
		return Report{}, errors.New("it is no file")
	}
	r := Report{File: path, Size: info.Size()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		r.OnDisk = s.Blocks * 512
	}
	if r.Format, err = Detect(ctx, path); err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp(o.Dir, "inspect-*")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	l := looker{ctx: ctx, report: &r, dir: dir}
	source, err := packaging.Unpack(ctx, path, r.Format, dir, o.Report)
	if err != nil {
		return r, err
	}
	if source.Medium != nil {
		return r, l.medium(path, o.Report)
	}
	if source.Tree != nil {
		if r.Format == "oci.tar" {
			if err := l.container(path); err != nil {
				return r, err
			}
		}
		return r, l.tree(source.Tree.Path)
	}
	r.VirtualSize = source.Disk.VirtualSize
	raw, err := rawOf(ctx, *source.Disk, dir, o.Report)
	if err != nil {
		return r, err
	}
	return r, l.disk(raw)
}

// looker fills a report.
type looker struct {
	ctx    context.Context
	report *Report
	dir    string
}

func (l looker) unknown(what string, err error) {
	l.report.Unknown = append(l.report.Unknown, fmt.Sprintf("%s: %v", what, err))
}

// rawOf is the disk as a raw file, in dir unless it is one.
func rawOf(ctx context.Context, d artifact.Disk, dir string, report progress.Func) (string, error) {
	if d.Format == "raw" {
		return d.Path, nil
	}
	raw := dir + "/disk.raw"
	c := qemuimg.Conversion{From: d.Path, FromFormat: d.Format, To: raw, ToFormat: "raw"}
	return raw, qemuimg.Convert(ctx, c, func(percent float64) {
		report.Count("read", int64(percent), 100, progress.Percent)
	})
}
