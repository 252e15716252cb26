// Package squash packs root file systems as squashfs, with squashfs-tools, for media that a system is started from: compressed as well as their
// readers can stand, by all processors, the same bytes for the same files. What is in them and what they are for is nothing of its own.
package squash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
)

// The compressions.
const (
	XZ   = "xz"   // smallest; with a filter for the machine code of the architecture where there is one
	Zstd = "zstd" // packed in a fraction of the time, read many times as fast
)

// Options say how to pack.
type Options struct {
	Compression string // XZ or Zstd
	Arch        string // RPM's name: whose machine code is in the files
	// Time is that of the file system itself, and of Folder's folders and files. Those of Tar have their own.
	Time time.Time
}

// BlockSize is squashfs-tools' own default, which livemedia-creator leaves: larger blocks pack better, and have every small read unpack more.
const BlockSize = 128 << 10

// Folder packs what is in dir, all as root's own, into the new file out. Errors are *command.Error, and the context's.
func Folder(ctx context.Context, dir, out string, o Options, report progress.Func) error {
	args, err := o.folderArgs(dir, out+part)
	if err != nil {
		return err
	}
	bar := &bar{tell: func(done, total int64) { report.Count("squash", done*BlockSize, total*BlockSize, progress.Bytes) }}
	if err := command.Run(ctx, command.Cmd{Args: args, Stdout: bar}); err != nil {
		return errors.Join(fmt.Errorf("packing %s: %w", dir, err), removed(out+part))
	}
	return durable.Rename(out+part, out)
}

// Tar packs a tar, with owners, modes, times and extended attributes as it has them, into the new file out.
func Tar(ctx context.Context, tar, out string, o Options, report progress.Func) (err error) {
	args, err := o.tarArgs(out + part)
	if err != nil {
		return err
	}
	in, err := os.Open(tar)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	read := &counted{in: in, tell: func(done int64) { report.Count("squash", done, info.Size(), progress.Bytes) }}
	if err := command.Run(ctx, command.Cmd{Args: args, Stdin: read}); err != nil {
		return errors.Join(fmt.Errorf("packing %s: %w", tar, err), removed(out+part))
	}
	return durable.Rename(out+part, out)
}

// part is the end of an unfinished file's name.
const part = ".part"

func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (o Options) folderArgs(dir, out string) ([]string, error) {
	common, err := o.common()
	at := strconv.FormatInt(o.Time.Unix(), 10)
	return append([]string{"mksquashfs", dir, out, "-noappend", "-all-root", "-all-time", at}, common...), err
}

func (o Options) tarArgs(out string) ([]string, error) {
	common, err := o.common()
	// The options come first: what follows the file's name are names to leave out.
	return append(append([]string{"sqfstar", "-no-progress"}, common...), out), err
}

// common are the options of both programs.
func (o Options) common() ([]string, error) {
	args := []string{
		"-mkfs-time", strconv.FormatInt(o.Time.Unix(), 10), "-b", strconv.Itoa(BlockSize), "-processors", strconv.Itoa(runtime.NumCPU()),
		"-comp", o.Compression,
	}
	switch o.Compression {
	case XZ:
		if f := filter(o.Arch); f != "" {
			args = append(args, "-Xbcj", f)
		}
	case Zstd:
	default:
		return nil, fmt.Errorf("unknown compression %q of a squashfs: want %s or %s", o.Compression, XZ, Zstd)
	}
	return args, nil
}

// filter is xz's filter for an architecture's machine code, of those that squashfs has.
func filter(arch string) string {
	switch arch {
	case "x86_64":
		return "x86"
	case "ppc64le":
		return "powerpc"
	}
	return ""
}

// counted tells how much was read through it.
type counted struct {
	in         io.Reader
	done, told int64
	tell       func(done int64)
}

// tellEvery is how many bytes are read between two tellings.
const tellEvery = 8 << 20

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if c.done += int64(n); c.done-c.told >= tellEvery || errors.Is(err, io.EOF) {
		c.told = c.done
		c.tell(c.done)
	}
	return n, err
}
