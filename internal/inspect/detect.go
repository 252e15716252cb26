package inspect

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/packaging"
)

// sniffed is how many bytes of a file are looked at; a tar's first header ends at 512, and its mark is at 257.
const sniffed = 1024

// Detect names the format of the file at path by its content: a name that packaging knows. What is nothing else is a raw disk.
func Detect(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := headOf(f)
	if err != nil {
		return "", err
	}
	switch {
	case bytes.HasPrefix(head, []byte("QFI\xfb")):
		return "qcow2", nil
	case bytes.HasPrefix(head, []byte("KDMV")):
		return "vmdk", nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return inside(ctx, path, "tar.xz", "raw.xz")
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return "raw.zst", nil
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return archiveKind(f)
	case isTar(head):
		return "oci.tar", nil
	case len(head) == 0:
		return "", errors.New("it is empty")
	}
	if iso.Is(f) {
		return "iso", nil
	}
	return rawKind(f)
}

func headOf(r io.Reader) ([]byte, error) {
	head := make([]byte, sniffed)
	n, err := io.ReadFull(r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}

// isTar recognises the mark of POSIX and of GNU tars.
func isTar(head []byte) bool { return len(head) >= 512 && bytes.HasPrefix(head[257:], []byte("ustar")) }

// inside chooses by what the compressed stream of a format holds.
func inside(ctx context.Context, path, ofTar, ofDisk string) (string, error) {
	head, err := packaging.Peek(ctx, path, ofDisk, sniffed)
	if err != nil {
		return "", err
	}
	if isTar(head) {
		return ofTar, nil
	}
	return ofDisk, nil
}

// archiveKind tells a Vagrant box from another tar.gz by the files that only a box has.
func archiveKind(f io.ReadSeeker) (string, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	defer z.Close()
	h, err := tar.NewReader(z).Next()
	if err != nil {
		return "", errors.New("it is a gzip stream of something else than a tar")
	}
	switch h.Name {
	case "metadata.json", "./metadata.json", "Vagrantfile", "./Vagrantfile", "info.json", "./info.json", "box.img", "./box.img", "box.ovf", "./box.ovf":
		return "box", nil
	}
	return "wsl", nil
}

// rawKind tells a fixed VHD from a raw disk by its footer.
func rawKind(f *os.File) (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	cookie := make([]byte, 8)
	if info.Size() > 512 {
		if _, err := f.ReadAt(cookie, info.Size()-512); err != nil {
			return "", err
		}
	}
	if string(cookie) == "conectix" {
		return "vhd", nil
	}
	return "raw", nil
}
