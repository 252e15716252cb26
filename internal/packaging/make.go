package packaging

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
)

// job is what a format works on.
type job struct {
	in      Source
	out     plan.Output
	dir     string // for whatever is needed on the way; it is in the file system of the finished file and goes with all that is in it
	path    string // of the file to make, in dir; its name is always the same one, as some formats write it into the file
	percent meter
}

// Parts of the way to a finished file, in percent: writing it, looking whether it is sound, digesting it.
const (
	written = 85
	checked = 95
)

// Make writes in to dst as out says and describes the file. The file is complete, checked and flushed before it has the name dst; on an error,
// cancellation included, dst is what it was before and nothing else is left beside it. The same input makes the same bytes, however many
// CPUs the host has, as long as its programs (qemu-img, xz) are of the same versions. Reports come in percent, from 0 to 100, and have the phase "package".
func Make(ctx context.Context, in Source, out plan.Output, dst string, report progress.Func) (artifact.Image, error) {
	img, err := makeImage(ctx, in, out, dst, newMeter(report, "package"))
	if err != nil {
		return artifact.Image{}, fmt.Errorf("making %s: %w", dst, err)
	}
	return img, nil
}

func makeImage(ctx context.Context, in Source, out plan.Output, dst string, percent meter) (artifact.Image, error) {
	f, err := Accept(out)
	if err != nil {
		return artifact.Image{}, err
	}
	if err := in.check(f); err != nil {
		return artifact.Image{}, err
	}
	if dst, err = filepath.Abs(dst); err != nil {
		return artifact.Image{}, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(dst), "."+filepath.Base(dst)+".*")
	if err != nil {
		return artifact.Image{}, err
	}
	defer os.RemoveAll(dir)
	j := job{in: in, out: out, dir: dir, path: filepath.Join(dir, "disk."+f.Name()), percent: percent.part(0, written)}
	percent(0)
	virtual, err := f.write(ctx, j)
	if err != nil {
		return artifact.Image{}, err
	}
	percent(written)
	if err := f.check(ctx, j.path, dir, out); err != nil {
		return artifact.Image{}, fmt.Errorf("what was made is not sound: %w", err)
	}
	percent(checked)
	file, err := place(ctx, j.path, dst, percent.part(checked, 100))
	if err != nil {
		return artifact.Image{}, err
	}
	percent(100)
	return in.image(f, file, virtual), nil
}

// place digests the file and gives it its name.
func place(ctx context.Context, path, dst string, percent meter) (artifact.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return artifact.File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return artifact.File{}, err
	}
	sum, size, err := digest.Reader(percent.reader(ctx, f, info.Size()))
	if err != nil {
		return artifact.File{}, err
	}
	if err := os.Chmod(path, 0o644); err != nil {
		return artifact.File{}, err
	}
	return artifact.File{Path: dst, Size: size, Digest: sum}, durable.Rename(path, dst)
}

// check says what is wrong with in for the format.
func (in Source) check(f Format) error {
	switch has := in.kind(); {
	case has == "":
		return fmt.Errorf("the format %s needs a disk, a root file system or a medium, and only one of them", f.Name())
	case has != f.Takes():
		return fmt.Errorf("the format %s is made of a %s, and there is a %s", f.Name(), f.Takes(), has)
	case has == Tree && in.Tree.Format != "tar":
		return fmt.Errorf("the format %s is made of a tar, and the root file system is a %s", f.Name(), in.Tree.Format)
	case has == Medium && in.Medium.Format != f.Name():
		return fmt.Errorf("the format %s is not that of the medium, which is %s", f.Name(), in.Medium.Format)
	}
	return nil
}

func (in Source) kind() Kind {
	var kinds []Kind
	if in.Disk != nil {
		kinds = append(kinds, Disk)
	}
	if in.Tree != nil {
		kinds = append(kinds, Tree)
	}
	if in.Medium != nil {
		kinds = append(kinds, Medium)
	}
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

// image describes the finished file.
func (in Source) image(f Format, file artifact.File, virtual int64) artifact.Image {
	img := artifact.Image{File: file, Format: f.Name(), VirtualSize: virtual}
	switch {
	case in.Tree != nil:
		img.Arch, img.Packages = in.Tree.Arch, in.Tree.Packages
	case in.Medium != nil:
		img.Arch, img.Boot, img.Packages = in.Medium.Arch, in.Medium.Boot, in.Medium.Packages
	default:
		img.Arch, img.Boot, img.Packages = in.Disk.Arch, in.Disk.Boot, in.Disk.Packages
	}
	return img
}

// Check reads the file at path, which may be anybody's, as the output says it is, and returns an error if it is damaged or something else:
// structure and checksums, the alignment and footer that Azure demands, a box's metadata, an OCI archive's digests. It boots nothing. What
// has to be unpacked for it comes into a folder in dir that is gone afterwards.
func Check(ctx context.Context, path, dir string, out plan.Output) error {
	f, err := Accept(out)
	if err != nil {
		return err
	}
	if err := f.check(ctx, path, dir, out); err != nil {
		return fmt.Errorf("%s is no sound %s: %w", path, describe(out), err)
	}
	return nil
}

// Unpack gives back what the file at path, of the named format, was made of: a disk as a file that QEMU can open, with QEMU's name for its
// format, a root file system as a tar, or a medium as it is. Where QEMU reads the format itself that is the file as it is; otherwise it is a new file in dir.
// Only the path, the format and sizes are set. The file may be anybody's; nothing in it is taken for a name on this host.
func Unpack(ctx context.Context, path, format, dir string, report progress.Func) (Source, error) {
	f, err := Lookup(format)
	if err != nil {
		return Source{}, err
	}
	percent := newMeter(report, "unpack")
	percent(0)
	in, err := f.unpack(ctx, path, dir, percent)
	if err != nil {
		return Source{}, fmt.Errorf("unpacking %s: %w", path, err)
	}
	percent(100)
	return in, nil
}
