package packaging

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/qemuimg"
	"github.com/quarry-project/quarry/internal/sparse"
)

// packed is a raw disk or a root file system's tar as one compressed stream: raw.xz, raw.zst, tar.xz, and wsl, which is a tar.gz whose content is
// the root (what `wsl --install --from-file` takes; /etc/wsl.conf and /etc/wsl-distribution.conf in it are the kickstart's).
type packed struct {
	name  string
	kind  Kind
	codec codec
}

func (p packed) Name() string           { return p.name }
func (p packed) Takes() Kind            { return p.kind }
func (p packed) Outputs() []plan.Output { return []plan.Output{{Format: p.name}} }

func (p packed) write(ctx context.Context, j job) (int64, error) {
	if p.kind == Tree {
		_, err := p.compress(ctx, j, j.in.Tree.Path)
		return 0, err
	}
	path := j.in.Disk.Path
	if j.in.Disk.Format != "raw" {
		path = filepath.Join(j.dir, "unpacked.raw")
		c := qemuimg.Conversion{From: j.in.Disk.Path, FromFormat: j.in.Disk.Format, To: path, ToFormat: "raw"}
		if err := qemuimg.Convert(ctx, c, j.percent.part(0, 10)); err != nil {
			return 0, err
		}
		j.percent = j.percent.part(10, 100)
	}
	size, err := p.compress(ctx, j, path)
	if err == nil && size != j.in.Disk.VirtualSize {
		err = fmt.Errorf("the disk %s has %d bytes instead of %d", path, size, j.in.Disk.VirtualSize)
	}
	return size, err
}

// compress writes the file at path to j.path and returns how many bytes were read.
func (p packed) compress(ctx context.Context, j job, path string) (int64, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return 0, err
	}
	out, err := os.Create(j.path)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	counted := &counter{r: j.percent.reader(ctx, in, info.Size())}
	err = p.codec.compress(ctx, out, counted)
	return counted.n, errors.Join(err, out.Close())
}

func (p packed) check(ctx context.Context, path, _ string, _ plan.Output) error {
	return p.decompressed(ctx, path, func(int64) {}, func(r io.Reader) error {
		if p.kind == Tree {
			return checkTar(r)
		}
		n, err := io.Copy(io.Discard, r)
		if err == nil && (n == 0 || n%sector != 0) {
			err = fmt.Errorf("its %d bytes are no whole number of sectors", n)
		}
		return err
	})
}

func (p packed) unpack(ctx context.Context, path, dir string, percent meter) (Source, error) {
	out, err := os.Create(filepath.Join(dir, "unpacked."+map[Kind]string{Disk: "raw", Tree: "tar"}[p.kind]))
	if err != nil {
		return Source{}, err
	}
	defer out.Close()
	info, err := os.Stat(path)
	if err != nil {
		return Source{}, err
	}
	var size int64
	read := func(n int64) { percent(100 * float64(n) / float64(info.Size())) }
	err = p.decompressed(ctx, path, read, func(r io.Reader) error {
		var err error
		size, err = sparse.Copy(out, r)
		return err
	})
	if err := errors.Join(err, out.Close()); err != nil {
		return Source{}, err
	}
	if p.kind == Disk {
		return diskSource(out.Name(), "raw", size), nil
	}
	return Source{Tree: &artifact.Tree{File: artifact.File{Path: out.Name(), Size: size}, Format: "tar"}}, nil
}

// decompressed has use read what the file holds, all of it, and tells how many bytes of the file were read.
func (p packed) decompressed(ctx context.Context, path string, read func(int64), use func(io.Reader) error) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	return p.codec.decompress(ctx, &counter{r: in, told: read}, use)
}

// counter counts what is read through it.
type counter struct {
	r    io.Reader
	n    int64
	told func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.told != nil {
		c.told(c.n)
	}
	return n, err
}

// checkTar reads a root file system's tar to its end.
func checkTar(r io.Reader) error {
	entries := 0
	for t := tar.NewReader(r); ; entries++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("its entry %q is outside of the root", h.Name)
		}
	}
	if entries == 0 {
		return errors.New("its tar is empty")
	}
	// What follows the end of the archive is padding; reading it checks the compressed stream's checksum.
	_, err := io.Copy(io.Discard, r)
	return err
}

// errEnough ends a decompression whose rest nobody wants.
var errEnough = errors.New("enough was read")

// Peek returns the first bytes, at most n, of what the compressed file at path holds; format is the name of any format with its compression.
func Peek(ctx context.Context, path, format string, n int) ([]byte, error) {
	f, err := Lookup(format)
	if err != nil {
		return nil, err
	}
	p, ok := f.(packed)
	if !ok {
		return nil, fmt.Errorf("%s is no compressed stream", format)
	}
	var head []byte
	err = p.decompressed(ctx, path, nil, func(r io.Reader) error {
		head = make([]byte, n)
		read, err := io.ReadFull(r, head)
		head = head[:read]
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return head, err
}
