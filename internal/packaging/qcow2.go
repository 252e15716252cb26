package packaging

import (
	"context"
	"fmt"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

// qcow2 is QEMU's own format, version 3 of its specification (docs/interop/qcow2.txt in QEMU's sources): without compression, or with each
// cluster compressed by zlib, which every reader knows, or zstd, which QEMU reads since 5.1.
type qcow2 struct{}

func (qcow2) Name() string { return "qcow2" }
func (qcow2) Takes() Kind  { return Disk }

func (qcow2) Outputs() []plan.Output {
	return []plan.Output{{Format: "qcow2", Compression: "zlib"}, {Format: "qcow2", Compression: "zstd"}, {Format: "qcow2"}}
}

func (qcow2) write(ctx context.Context, j job) (int64, error) {
	return j.in.Disk.VirtualSize, writeQCOW2(ctx, *j.in.Disk, j.path, j.out.Compression, j.percent)
}

// writeQCOW2 makes a qcow2 of the disk; compression may be empty.
func writeQCOW2(ctx context.Context, d artifact.Disk, path, compression string, percent meter) error {
	c := qemuimg.Conversion{From: d.Path, FromFormat: d.Format, To: path, ToFormat: "qcow2"}
	if compression != "" {
		c.Compress = true
		c.Options = []string{"compression_type=" + compression}
	}
	return qemuimg.Convert(ctx, c, percent)
}

func (qcow2) check(ctx context.Context, path, _ string, out plan.Output) error {
	return checkQCOW2(ctx, path, out.Compression)
}

// checkQCOW2 also checks the compression, if there should be one: all compressed clusters of a qcow2 are of one kind, which its header tells.
func checkQCOW2(ctx context.Context, path, compression string) error {
	info, err := readAlone(ctx, path, "qcow2")
	if err != nil {
		return err
	}
	if has := info.Specific.Data.Compression; compression != "" && has != compression {
		return fmt.Errorf("its clusters are compressed by %q, not by %s", has, compression)
	}
	return qemuimg.Check(ctx, path, "qcow2")
}

// readAlone reads an image's info and refuses one that takes bytes from other files of this host.
func readAlone(ctx context.Context, path, format string) (qemuimg.Info, error) {
	info, err := qemuimg.Read(ctx, path, format)
	if err != nil {
		return info, err
	}
	return info, info.Alone()
}

func (qcow2) unpack(ctx context.Context, path, _ string, _ meter) (Source, error) {
	return unpackAsIs(ctx, path, "qcow2")
}

// unpackAsIs describes a disk image that QEMU itself can open; format is QEMU's name.
func unpackAsIs(ctx context.Context, path, format string) (Source, error) {
	info, err := readAlone(ctx, path, format)
	if err != nil {
		return Source{}, err
	}
	return diskSource(path, format, info.VirtualSize), nil
}

func diskSource(path, format string, virtual int64) Source {
	return Source{Disk: &artifact.Disk{File: artifact.File{Path: path}, Format: format, VirtualSize: virtual}}
}
