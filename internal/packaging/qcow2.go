package packaging

import (
	"context"

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

// Takes returns Disk.
func (QCOW2) Takes() Kind { return Disk }

// Outputs differ in compression.
func (QCOW2) Outputs() []plan.Output {
	return []plan.Output{{Format: "qcow2", Compression: "zlib"}, {Format: "qcow2", Compression: "zstd"}, {Format: "qcow2"}}
}

// Make converts the disk with qemu-img and has qemu-img check what came out.
func (f QCOW2) Make(ctx context.Context, in Source, out plan.Output, dst string, report progress.Func) (artifact.Image, error) {
	if err := in.check(f, out); err != nil {
		return artifact.Image{}, err
	}
	conversion := qemuimg.Conversion{From: in.Disk.Path, FromFormat: in.Disk.Format, ToFormat: "qcow2"}
	if out.Compression != "" {
		conversion.Compress = true
		conversion.Options = []string{"compression_type=" + out.Compression}
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
	return in.image(f, file), nil
}
