package install

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// ErrTar is a tar that is not what a root file system has to be.
var ErrTar = errors.New("it is no well-formed tar of a root file system")

// maxEntries is how many files a root file system may have; the largest desktops have a tenth of it.
const maxEntries = 4 << 20

// checkTar reads the tar at path, which is foreign input, and returns the bytes of the files in it.
func checkTar(ctx context.Context, path string) (unpacked int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return scanTar(ctx, bufio.NewReaderSize(f, 1<<20))
}

// scanTar holds a tar to what archive.Write makes: the root first, a folder before what is in it, every name once and below the root, hard links to
// what came before, no devices, nothing behind the end. Whoever unpacks such a tar, as whatever user, touches nothing outside the
// folder that it is unpacked in.
func scanTar(ctx context.Context, in io.Reader) (unpacked int64, err error) {
	s := scan{seen: map[string]byte{}}
	reader := tar.NewReader(in)
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = errors.Join(ctx.Err(), s.entry(h))
		}
		if err == nil && h.Typeflag == tar.TypeReg {
			_, err = io.Copy(io.Discard, reader)
			unpacked += h.Size
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrTar, err)
		}
	}
	if len(s.seen) == 0 {
		return 0, fmt.Errorf("%w: it is empty", ErrTar)
	}
	if n, err := io.Copy(io.Discard, in); err != nil || n > 0 {
		return 0, errors.Join(fmt.Errorf("%w: %d bytes follow its end", ErrTar, n), err)
	}
	return unpacked, nil
}

// scan is what a tar has held so far.
type scan struct{ seen map[string]byte }

func (s scan) entry(h *tar.Header) error {
	if len(s.seen) == maxEntries {
		return fmt.Errorf("it has more than %d files", maxEntries)
	}
	name, err := s.name(h)
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeReg, tar.TypeSymlink, tar.TypeFifo:
	case tar.TypeLink:
		if kind, ok := s.seen[h.Linkname]; !ok || kind == tar.TypeDir {
			return fmt.Errorf("%q is a hard link to %q, which is no file before it", name, h.Linkname)
		}
	default:
		return fmt.Errorf("%q is of type %q: only files, folders, links and pipes are expected", name, h.Typeflag)
	}
	for key := range h.PAXRecords {
		if !allowed(key) {
			return fmt.Errorf("%q has a PAX record %q, which nothing here writes", name, key)
		}
	}
	s.seen[name] = h.Typeflag
	return nil
}

// name checks where an entry would be unpacked, and returns that without the slash of a folder.
func (s scan) name(h *tar.Header) (string, error) {
	name := h.Name
	if h.Typeflag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
	}
	parent := path.Dir(name)
	_, twice := s.seen[name]
	switch {
	case len(s.seen) == 0:
		if name != "." || h.Typeflag != tar.TypeDir {
			return "", fmt.Errorf("it begins with %q, not with the root", h.Name)
		}
	case name == "" || name == ".." || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "../"):
		return "", fmt.Errorf("%q is no plain name below the root", h.Name)
	case twice:
		return "", fmt.Errorf("%q is there twice", h.Name)
	case s.seen[parent] != tar.TypeDir:
		return "", fmt.Errorf("%q has no folder before it", h.Name)
	}
	return name, nil
}

// allowed reports whether an archive may have this PAX record. Sparse files are not among them: a few bytes could claim to be endless.
func allowed(key string) bool {
	switch key {
	case "path", "linkpath", "size", "uid", "gid", "mtime":
		return true
	}
	return strings.HasPrefix(key, "SCHILY.xattr.")
}
