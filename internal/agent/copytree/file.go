package copytree

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reportEvery is how many bytes are copied between two calls of progress.
const reportEvery = 8 << 20

func (c *copier) files(b batch) error {
	for _, e := range b {
		if err := c.file(e); err != nil {
			return fmt.Errorf("copy /%s: %w", e.path, err)
		}
		c.count.Add(1)
	}
	return nil
}

// file copies anything but a folder.
func (c *copier) file(e entry) error {
	from, to := filepath.Join(c.source, e.path), filepath.Join(c.target, e.path)
	switch e.stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return c.regular(e, from, to)
	case unix.S_IFLNK:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		if err := os.Symlink(target, to); err != nil {
			return err
		}
	default:
		if err := unix.Mknod(to, e.stat.Mode, int(e.stat.Rdev)); err != nil {
			return os.NewSyscallError("mknod", err)
		}
	}
	if err := c.attributes(e, to); err != nil {
		return err
	}
	return setTimes(to, &e.stat)
}

// regular copies a file's bytes within the kernel. The file is made with its mode; owner before attributes, as a
// change of owner takes capabilities away.
func (c *copier) regular(e entry, from, to string) error {
	in, err := unix.Open(from, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) { // O_NOATIME is for owners
		in, err = unix.Open(from, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	}
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer func() { _ = unix.Close(in) }()
	out, err := unix.Open(to, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return os.NewSyscallError("create", err)
	}
	err = c.bytesOf(in, out, e.stat.Size)
	if err := errors.Join(err, os.NewSyscallError("close", unix.Close(out))); err != nil {
		return err
	}
	if err := c.attributes(e, to); err != nil {
		return err
	}
	return setTimes(to, &e.stat)
}

func (c *copier) bytesOf(in, out int, size int64) error {
	for left := size; left > 0; {
		n, err := unix.Sendfile(out, in, nil, int(min(left, 1<<30)))
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("sendfile", err)
		}
		if n == 0 {
			return fmt.Errorf("the file ended %d bytes early", left)
		}
		left -= int64(n)
		if now := c.bytes.Add(int64(n)); now/reportEvery != (now-int64(n))/reportEvery {
			c.progress(now)
		}
	}
	return nil
}

// attributes sets owner, mode and extended attributes, in the only order in which they stay.
func (c *copier) attributes(e entry, to string) error {
	if e.stat.Uid != 0 || e.stat.Gid != 0 || os.Geteuid() != 0 {
		if err := unix.Lchown(to, int(e.stat.Uid), int(e.stat.Gid)); err != nil {
			return os.NewSyscallError("chown", err)
		}
	}
	if e.stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(to, e.stat.Mode&0o7777); err != nil {
			return os.NewSyscallError("chmod", err)
		}
	}
	return copyXattrs(filepath.Join(c.source, e.path), to)
}

func setTimes(path string, st *unix.Stat_t) error {
	times := []unix.Timespec{st.Atim, st.Mtim}
	return os.NewSyscallError("utimensat", unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW))
}
