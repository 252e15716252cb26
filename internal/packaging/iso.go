package packaging

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/plan"
)

// isoImage is an ISO image. It is finished when it comes here: it only gets its name, and is looked at.
type isoImage struct{}

func (isoImage) Name() string           { return "iso" }
func (isoImage) Takes() Kind            { return Medium }
func (isoImage) Outputs() []plan.Output { return []plan.Output{{Format: "iso"}} }

// write gives the same file another name, or copies it where that can't be, as from one file system to another.
func (isoImage) write(ctx context.Context, j job) (int64, error) {
	in, err := os.Open(j.in.Medium.Path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if os.Link(j.in.Medium.Path, j.path) == nil {
		return 0, nil
	}
	out, err := os.Create(j.path)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(out, j.percent.reader(ctx, in, info.Size()))
	return 0, errors.Join(err, out.Close())
}

func (isoImage) check(ctx context.Context, path, _ string, _ plan.Output) error {
	return iso.Sound(ctx, path, nil)
}

func (isoImage) unpack(_ context.Context, path, _ string, _ meter) (Source, error) {
	if _, err := iso.Inspect(path); err != nil {
		return Source{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Source{}, err
	}
	return Source{Medium: &artifact.Image{File: artifact.File{Path: path, Size: info.Size()}, Format: "iso"}}, nil
}
