package packaging

import (
	"context"
	"fmt"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

// QCOW2 is QEMU's own format, version 3 of its specification (docs/interop/qcow2.txt in QEMU's sources): without compression, or with each
// cluster compressed by zlib, which every reader knows, or zstd, which QEMU reads since 5.1.
type QCOW2 struct{}

// Name returns "qcow2".
func (QCOW2) Name() string { return "qcow2" }

// Make converts disk with qemu-img and has qemu-img check what came out.
func (QCOW2) Make(ctx context.Context, disk artifact.Disk, out plan.Output, dst string, report progress.Func) (artifact.Image, error) {
	conversion := qemuimg.Conversion{From: disk.Path, FromFormat: disk.Format, ToFormat: "qcow2"}
	switch out.Compression {
	case "":
	case "zlib", "zstd":
		conversion.Compress = true
		conversion.Options = []string{"compression_type=" + out.Compression}
	default:
		return artifact.Image{}, fmt.Errorf("qcow2 has no compression %q: want zlib, zstd or none", out.Compression)
	}
	file, err := place(dst, func(temporary string) error {
		conversion.To = temporary
		err := qemuimg.Convert(ctx, conversion, func(percent float64) {
			report.Count(phase, int64(percent), 100, progress.Percent)
		})
		if err != nil {
			return err
		}
		return qemuimg.Check(ctx, temporary, "qcow2")
	})
	if err != nil {
		return artifact.Image{}, err
	}
	return artifact.Image{
		File: file, Format: "qcow2", VirtualSize: disk.VirtualSize, Arch: disk.Arch, Boot: disk.Boot, Packages: disk.Packages,
	}, nil
}
