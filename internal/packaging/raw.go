package packaging

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

// sector is the smallest unit of a disk, in bytes.
const sector = 512

// raw is the disk's bytes. Where they are zero, the file has holes.
type raw struct{}

func (raw) Name() string           { return "raw" }
func (raw) Takes() Kind            { return Disk }
func (raw) Outputs() []plan.Output { return []plan.Output{{Format: "raw"}} }

func (raw) write(ctx context.Context, j job) (int64, error) {
	c := qemuimg.Conversion{From: j.in.Disk.Path, FromFormat: j.in.Disk.Format, To: j.path, ToFormat: "raw"}
	return j.in.Disk.VirtualSize, qemuimg.Convert(ctx, c, j.percent)
}

func (raw) check(_ context.Context, path, _ string, _ plan.Output) error {
	_, err := rawSize(path)
	return err
}

// rawSize returns a raw disk's size in bytes, after checking that it can be one.
func rawSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("it is no file")
	}
	if info.Size() == 0 || info.Size()%sector != 0 {
		return 0, fmt.Errorf("its %d bytes are no whole number of sectors", info.Size())
	}
	return info.Size(), nil
}

func (raw) unpack(_ context.Context, path, _ string, _ meter) (Source, error) {
	size, err := rawSize(path)
	return diskSource(path, "raw", size), err
}
