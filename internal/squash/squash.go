// Package squash packs root file systems as squashfs, with squashfs-tools, for media that a system is started from: compressed as well as their
// readers can stand, by all processors, the same bytes for the same files. What is in them and what they are for is nothing of its own.
package squash

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
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
	if err := command.Run(ctx, command.Cmd{Args: args, Env: environment(), Stdout: bar}); err != nil {
		return errors.Join(fmt.Errorf("packing %s: %w", dir, err), removed(out+part))
	}
	return durable.Rename(out+part, out)
}

// Tar packs a tar that begins with its root, with owners, modes, times and extended attributes as it has them, into the new file out. Extended
// attributes of the root alone are lost, its SELinux label among them: mksquashfs 4.5 has no way for them. A live system doesn't see them, as its
// root is that of the writable layer above.
func Tar(ctx context.Context, file, out string, o Options, report progress.Func) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	root, err := tar.NewReader(in).Next()
	if err == nil && (path.Clean(root.Name) != "." || root.Typeflag != tar.TypeDir) {
		err = fmt.Errorf("it begins with %q, not with the root", root.Name)
	}
	if err != nil {
		return fmt.Errorf("reading the tar %s: %w", file, err)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	args, err := o.tarArgs(root, out+part)
	if err != nil {
		return err
	}
	read := &counted{in: in, tell: func(done int64) { report.Count("squash", done, info.Size(), progress.Bytes) }}
	if err := command.Run(ctx, command.Cmd{Args: args, Env: o.tarEnv(), Attr: asRoot(), Stdin: read}); err != nil {
		return errors.Join(fmt.Errorf("packing %s: %w", file, err), removed(out+part))
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

// zstdLevel is where packing stops to be quick: the program's own, 15, takes five times as long for a few percent.
const zstdLevel = "9"

func (o Options) folderArgs(dir, out string) ([]string, error) {
	common, err := o.Args()
	return append([]string{"mksquashfs", dir, out, "-noappend", "-all-root", "-mkfs-time", o.seconds(), "-all-time", o.seconds()}, common...), err
}

// tarArgs packs standard input. It is not sqfstar, which is the same program by another name: that of version 4.5 takes no filter.
func (o Options) tarArgs(root *tar.Header, out string) ([]string, error) {
	common, err := o.Args()
	return append([]string{
		"mksquashfs", "-", out, "-tar", "-noappend", "-no-progress", "-root-mode", fmt.Sprintf("%04o", root.Mode&0o7777),
	}, common...), err
}

// tarEnv is the environment for tarArgs: of a tar, the root's entry is ignored, and gets the present time unless the environment has one.
func (o Options) tarEnv() []string {
	return append(environment(), "SOURCE_DATE_EPOCH="+o.seconds())
}

// environment is the caller's without a time, which mksquashfs would not have beside that of its arguments.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "SOURCE_DATE_EPOCH=") })
}

// asRoot makes the program root of a user namespace with nobody else in it: the root of a tar gets the user who packs as its owner.
func asRoot() *syscall.SysProcAttr {
	own := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: own(os.Getuid()), GidMappings: own(os.Getgid())}
}

func (o Options) seconds() string { return strconv.FormatInt(o.Time.Unix(), 10) }

// Args are mksquashfs' options that decide what is written for the same files, but for their times.
func (o Options) Args() ([]string, error) {
	args := []string{
		"-b", strconv.Itoa(BlockSize), "-processors", strconv.Itoa(runtime.NumCPU()),
		"-comp", o.Compression,
	}
	switch o.Compression {
	case XZ:
		if f := filter(o.Arch); f != "" {
			args = append(args, "-Xbcj", f)
		}
	case Zstd:
		args = append(args, "-Xcompression-level", zstdLevel)
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
