package packaging

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// member is a file of an archive: data, or where path is set, what is in that file.
type member struct {
	name string
	data []byte
	path string
}

// writeTar makes an archive at path; codec may be nil.
func writeTar(ctx context.Context, path string, c codec, members []member, percent meter) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	pack := func(w io.Writer) error { return packTar(ctx, w, members, percent) }
	if c == nil {
		err = pack(out)
	} else {
		err = piped(func(r io.Reader) error { return c.compress(ctx, out, r) }, pack)
	}
	return errors.Join(err, out.Close())
}

// packTar writes the archive. Owners, modes and times are the same for all and each time.
func packTar(ctx context.Context, w io.Writer, members []member, percent meter) error {
	t := tar.NewWriter(w)
	for _, m := range members {
		if err := addMember(ctx, t, m, percent); err != nil {
			return fmt.Errorf("adding %s: %w", m.name, err)
		}
	}
	return t.Close()
}

func addMember(ctx context.Context, t *tar.Writer, m member, percent meter) error {
	size, content := int64(len(m.data)), io.Reader(bytes.NewReader(m.data))
	if m.path != "" {
		f, err := os.Open(m.path)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		// Of all members the one on the disk is what takes time.
		size, content = info.Size(), percent.reader(ctx, f, info.Size())
	}
	if err := t.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(t, content)
	return err
}
