// Package copytree copies the installed packages' tree onto the target's file systems: files, folders, links, devices, with owners,
// modes, times, hard links and extended attributes (capabilities are one). It works in-process and in parallel, because
// starting programs and crossing pipes is what is slow under emulation. The source is a tree that Quarry made and nobody
// else writes to; the target is empty but for mount points.
package copytree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Stats is what was copied.
type Stats struct {
	Files int64
	Bytes int64 // of regular files
}

// batchSize is how many files of one folder a worker takes at a time: enough to keep them apart, few enough to share the work.
const batchSize = 64

// Copy copies everything below source into target. Progress is called now and then with the bytes so far, from several goroutines.
func Copy(ctx context.Context, source, target string, progress func(bytes int64)) (Stats, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &copier{source: source, target: target, progress: progress, links: map[inode]string{}}
	work := make(chan batch, 4*runtime.NumCPU())
	var workers sync.WaitGroup
	for range max(2, runtime.NumCPU()) {
		workers.Go(func() {
			for b := range work {
				if ctx.Err() != nil {
					continue // drain
				}
				if err := c.files(b); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := c.walk(ctx, ".", work)
	close(work)
	workers.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = c.finish()
	}
	return Stats{Files: c.count.Load(), Bytes: c.bytes.Load()}, err
}

type inode struct{ dev, ino uint64 }

// entry is a file to copy with what lstat told of it.
type entry struct {
	path string // relative
	stat unix.Stat_t
}

type batch []entry

type copier struct {
	source, target string
	progress       func(int64)
	count, bytes   atomic.Int64

	// Only the walk touches these.
	links   map[inode]string // the first name of a file with several
	later   [][2]string      // hard links to make: existing, new
	folders []entry          // times are set last, as making files changes them
}

// walk makes folders and hands their files out.
func (c *copier) walk(ctx context.Context, dir string, work chan<- batch) error {
	if err := c.folder(dir); err != nil {
		return fmt.Errorf("copy the folder /%s: %w", dir, err)
	}
	names, err := readNames(filepath.Join(c.source, dir))
	if err != nil {
		return err
	}
	var files batch
	flush := func() error {
		if len(files) == 0 {
			return nil
		}
		select {
		case work <- files:
			files = nil
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	var folders []string
	for _, name := range names {
		e := entry{path: filepath.Join(dir, name)}
		if err := unix.Lstat(filepath.Join(c.source, e.path), &e.stat); err != nil {
			return &fs.PathError{Op: "lstat", Path: e.path, Err: err}
		}
		if e.stat.Mode&unix.S_IFMT == unix.S_IFDIR {
			folders = append(folders, e.path)
			continue
		}
		if e.stat.Nlink > 1 {
			id := inode{uint64(e.stat.Dev), e.stat.Ino} //nolint:unconvert // the type of Dev differs between architectures
			if first, seen := c.links[id]; seen {
				c.later = append(c.later, [2]string{first, e.path})
				continue
			}
			c.links[id] = e.path
		}
		if files = append(files, e); len(files) == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for _, path := range folders {
		if err := c.walk(ctx, path, work); err != nil {
			return err
		}
	}
	return nil
}

func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

// folder makes a folder, which may be a mount point that is there already.
func (c *copier) folder(path string) error {
	e := entry{path: path}
	from, to := filepath.Join(c.source, path), filepath.Join(c.target, path)
	if err := unix.Lstat(from, &e.stat); err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	c.folders = append(c.folders, e)
	c.count.Add(1)
	return c.attributes(e, to)
}

// finish makes what needs every file to be there: hard links, then the times of folders.
func (c *copier) finish() error {
	for _, link := range c.later {
		err := os.Link(filepath.Join(c.target, link[0]), filepath.Join(c.target, link[1]))
		if err != nil {
			return fmt.Errorf("link /%s: %w", link[1], err)
		}
		c.count.Add(1)
	}
	for i := len(c.folders) - 1; i >= 0; i-- {
		e := c.folders[i]
		if err := setTimes(filepath.Join(c.target, e.path), &e.stat); err != nil {
			return fmt.Errorf("set the time of /%s: %w", e.path, err)
		}
	}
	c.progress(c.bytes.Load())
	return nil
}
