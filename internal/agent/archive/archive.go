// Package archive writes a folder as one tar: PAX, owners as numbers, hard links, extended attributes (file capabilities are one), every name
// in byte order, so that the same files give the same bytes. It works in-process, as starting programs is what is slow under emulation. Nobody
// else may write to the folder meanwhile. Compressing and checking the result is the host's affair.
package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/xattr"
)

// Options say what is left out.
type Options struct {
	// Empty are folders, relative to the root, that are written without what is in them.
	Empty []string
	// Labels keeps SELinux's attribute. Without it files are labelled by the host that unpacks the archive.
	Labels bool
	// Progress is called now and then with the bytes of files so far; nil is nobody.
	Progress func(bytes int64)
}

// Stats is what was written.
type Stats struct {
	Entries int64
	Bytes   int64    // of regular files; a file with several names counts once
	Skipped []string // names of devices and sockets, which are no part of an archive
}

// reportEvery is how many bytes are written between two calls of Progress.
const reportEvery = 8 << 20

// paxXattr is the prefix under which PAX archives hold extended attributes, by the convention of star, GNU tar and libarchive.
const paxXattr = "SCHILY.xattr."

// label is SELinux's attribute.
const label = "security.selinux"

// Write writes everything below root to w, the root itself first, as "./". Devices and sockets are left out, so that an ordinary user can unpack
// the archive.
func Write(ctx context.Context, root string, w io.Writer, o Options) (Stats, error) {
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	a := &archiver{Options: o, ctx: ctx, root: root, out: tar.NewWriter(w), links: map[inode]string{}}
	if err := a.entry("."); err != nil {
		return a.stats, err
	}
	if err := a.out.Close(); err != nil {
		return a.stats, fmt.Errorf("end the archive: %w", err)
	}
	a.Progress(a.stats.Bytes)
	return a.stats, nil
}

type inode struct{ dev, ino uint64 }

type archiver struct {
	Options
	ctx   context.Context //nolint:containedctx // of one call of Write
	root  string
	out   *tar.Writer
	links map[inode]string // the first name of a file with several
	stats Stats
	told  int64
}

// entry writes a file, or a folder and what is in it.
func (a *archiver) entry(name string) error {
	if err := a.ctx.Err(); err != nil {
		return context.Cause(a.ctx)
	}
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(a.root, name), &st); err != nil {
		return &fs.PathError{Op: "lstat", Path: "/" + name, Err: err}
	}
	header, ok, err := a.header(name, &st)
	if err == nil && ok {
		err = a.write(name, header)
	}
	if err != nil {
		return fmt.Errorf("archive /%s: %w", name, err)
	}
	if header.Typeflag != tar.TypeDir || slices.Contains(a.Empty, name) {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(a.root, name)) // sorted
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := a.entry(path.Join(name, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// header describes a file; false means that it is left out.
func (a *archiver) header(name string, st *unix.Stat_t) (tar.Header, bool, error) {
	h := tar.Header{
		Name: name, Format: tar.FormatPAX, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid),
		ModTime: time.Unix(int64(st.Mtim.Sec), 0), //nolint:unconvert // its type differs between architectures
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, st.Size
	case unix.S_IFLNK:
		target, err := os.Readlink(filepath.Join(a.root, name))
		if err != nil {
			return h, false, err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, target
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default:
		a.stats.Skipped = append(a.stats.Skipped, name)
		return h, false, nil
	}
	if h.Typeflag != tar.TypeDir && st.Nlink > 1 {
		id := inode{uint64(st.Dev), st.Ino} //nolint:unconvert // the type of Dev differs between architectures
		if first, seen := a.links[id]; seen {
			// The attributes are the first name's.
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return h, true, nil
		}
		a.links[id] = name
	}
	attributes, err := xattr.Read(filepath.Join(a.root, name))
	h.PAXRecords = a.records(attributes)
	return h, true, err
}

// records are a file's attributes in a tar's form, nil for none. It is pure.
func (o Options) records(attributes []xattr.Attribute) map[string]string {
	var records map[string]string
	for _, x := range attributes {
		if x.Name == label && !o.Labels {
			continue
		}
		if records == nil {
			records = map[string]string{}
		}
		records[paxXattr+x.Name] = string(x.Value)
	}
	return records
}

func (a *archiver) write(name string, h tar.Header) error {
	if err := a.out.WriteHeader(&h); err != nil {
		return err
	}
	a.stats.Entries++
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := os.Open(filepath.Join(a.root, name))
	if err != nil {
		return err
	}
	// Of a file that has become shorter or longer, the archive's writer says so.
	n, err := io.Copy(a.out, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if n != h.Size {
		return fmt.Errorf("it had %d bytes and then %d", h.Size, n)
	}
	if a.stats.Bytes += n; a.stats.Bytes-a.told >= reportEvery {
		a.told = a.stats.Bytes
		a.Progress(a.stats.Bytes)
	}
	return nil
}
