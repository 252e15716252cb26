package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	maxFile  = 16 << 20 // bytes of one file: kickstarts are kilobytes
	maxLinks = 40       // symbolic links on the way to one file, as in Linux
)

// treeFS shows the files of a commit. Symbolic links are followed as long as they stay inside.
type treeFS struct {
	mu   sync.Mutex // the object storage is not made for several readers
	root *object.Tree
	time time.Time
}

func newTreeFS(root *object.Tree, at time.Time) fs.FS { return &treeFS{root: root, time: at} }

// Open implements fs.FS.
func (t *treeFS) Open(name string) (fs.File, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	file, err := t.open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return file, nil
}

func (t *treeFS) open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	at, mode, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	info := fileInfo{name: path.Base(name), mode: fs.ModeDir | 0o755, time: t.time}
	if mode == filemode.Dir {
		tree := t.root
		if at != "." {
			if tree, err = t.root.Tree(at); err != nil {
				return nil, err
			}
		}
		return t.directory(tree, info)
	}
	data, err := t.read(at)
	if err != nil {
		return nil, err
	}
	if info.mode = 0o644; mode == filemode.Executable {
		info.mode = 0o755
	}
	info.size = int64(len(data))
	return &file{info: info, Reader: bytes.NewReader(data)}, nil
}

// resolve follows symbolic links and returns where name really is.
func (t *treeFS) resolve(name string) (string, filemode.FileMode, error) {
	todo := strings.Split(name, "/")
	at, mode := ".", filemode.Dir
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == "." {
			continue
		}
		next := path.Join(at, part)
		entry, err := t.root.FindEntry(next)
		if err != nil {
			return "", 0, fs.ErrNotExist
		}
		switch entry.Mode {
		case filemode.Symlink:
			if links++; links > maxLinks {
				return "", 0, errors.New("too many symbolic links")
			}
			target, err := t.read(next)
			if err != nil {
				return "", 0, err
			}
			to := path.Join(at, string(target))
			if path.IsAbs(string(target)) || !fs.ValidPath(to) {
				return "", 0, fmt.Errorf("the symbolic link %s leaves the repository", next)
			}
			at, mode, todo = ".", filemode.Dir, append(strings.Split(to, "/"), todo...)
			continue
		case filemode.Submodule:
			return "", 0, fmt.Errorf("%s is a submodule, which Quarry doesn't follow", next)
		}
		at, mode = next, entry.Mode
	}
	return at, mode, nil
}

func (t *treeFS) read(name string) ([]byte, error) {
	f, err := t.root.File(name)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	if f.Size > maxFile {
		return nil, fmt.Errorf("%d bytes are more than the %d that a file may have", f.Size, maxFile)
	}
	r, err := f.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (t *treeFS) directory(tree *object.Tree, info fileInfo) (fs.File, error) {
	d := &directory{file: file{info: info, Reader: bytes.NewReader(nil)}}
	for _, e := range tree.Entries {
		if strings.Contains(e.Name, "/") || !fs.ValidPath(e.Name) || e.Name == "." {
			return nil, fmt.Errorf("the repository holds the file name %q, which can't be right", e.Name)
		}
		entry := fileInfo{name: e.Name, mode: 0o644, time: t.time}
		switch e.Mode {
		case filemode.Dir:
			entry.mode = fs.ModeDir | 0o755
		case filemode.Executable:
			entry.mode = 0o755
		case filemode.Symlink:
			entry.mode = fs.ModeSymlink | 0o777
		case filemode.Submodule:
			entry.mode = fs.ModeIrregular
		}
		if entry.mode.IsRegular() {
			size, err := tree.Size(e.Name)
			if err != nil {
				return nil, err
			}
			entry.size = size
		}
		d.entries = append(d.entries, entry)
	}
	slices.SortFunc(d.entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return d, nil
}

// file is an open file; its content is in memory.
type file struct {
	info fileInfo
	*bytes.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

// directory is an open folder.
type directory struct {
	file
	entries []fs.DirEntry
}

func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	got := d.entries[:n:n]
	d.entries = d.entries[n:]
	return got, nil
}

// fileInfo is both fs.FileInfo and fs.DirEntry.
type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
}

func (i fileInfo) Name() string               { return i.name }
func (i fileInfo) Size() int64                { return i.size }
func (i fileInfo) Mode() fs.FileMode          { return i.mode }
func (i fileInfo) Type() fs.FileMode          { return i.mode.Type() }
func (i fileInfo) ModTime() time.Time         { return i.time }
func (i fileInfo) IsDir() bool                { return i.mode.IsDir() }
func (i fileInfo) Sys() any                   { return nil }
func (i fileInfo) Info() (fs.FileInfo, error) { return i, nil }
