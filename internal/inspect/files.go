package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/diskfs/go-diskfs/filesystem/ext4"
	"github.com/diskfs/go-diskfs/filesystem/fat12"
	"github.com/diskfs/go-diskfs/filesystem/fat16"
	"github.com/diskfs/go-diskfs/filesystem/fat32"
	"github.com/masahiro331/go-xfs-filesystem/xfs"
)

// reader is what of a file system's library is needed.
type reader interface {
	Open(name string) (fs.File, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

// files is a file system whose files can be read. Reading what may be anybody's, its libraries may fail in any way.
type files struct {
	reader
	kind  string
	where string // "partition 2"
	root  string // how the library wants folders to begin: "/", or "." for nothing
}

// open opens a file system, if there is a library for its kind.
func (l looker) open(d *device, where, kind string, start, size int64) []files {
	f := files{kind: kind, where: where, root: "/"}
	err := guarded(func() (err error) {
		switch kind {
		case "ext4":
			f.reader, err = ext4.Read(d, size, start, sector)
			f.root = "."
		case "xfs":
			f.reader, err = xfs.NewFS(*io.NewSectionReader(d, start, size), nil)
		case "vfat":
			f.root = "."
			f.reader, err = openFAT(d, start, size)
		}
		return err
	})
	if err != nil {
		l.unknown(fmt.Sprintf("files of the %s in %s", kind, where), err)
		return nil
	}
	if f.reader == nil {
		return nil
	}
	return []files{f}
}

func openFAT(d *device, start, size int64) (reader, error) {
	f32, err := fat32.Read(d, size, start, sector)
	if err == nil {
		return f32, nil
	}
	f16, err16 := fat16.Read(d, size, start, sector)
	if err16 == nil {
		return f16, nil
	}
	f12, err12 := fat12.Read(d, size, start, sector)
	if err12 == nil {
		return f12, nil
	}
	return nil, errors.Join(err, err16, err12)
}

// folder spells a path, which is relative to the root, for the library.
func (f files) folder(p string) string {
	if f.root == "." {
		return p
	}
	return path.Join(f.root, p)
}

// list returns the names in a folder, none if it can't be read.
func (f files) list(folder string) []string {
	var names []string
	_ = guarded(func() error { // what is missing shows in the names
		entries, err := f.ReadDir(f.folder(folder))
		for _, e := range entries {
			names = append(names, labelOf([]byte(e.Name())))
		}
		return err
	})
	return names
}

// read copies a file, at most max bytes of it.
func (f files) read(w io.Writer, name string, most int64) error {
	return guarded(func() error {
		file, err := f.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		n, err := io.Copy(w, io.LimitReader(file, most))
		if err == nil && n == most {
			err = fmt.Errorf("%s is larger than %d bytes", name, most)
		}
		return err
	})
}
