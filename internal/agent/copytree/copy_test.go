package copytree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tree makes a folder with one of everything that an ordinary user can make.
func tree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "from")
	write := func(name, text string, mode fs.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("usr/bin/tool", strings.Repeat("x", 3<<20), 0o755|fs.ModeSetuid)
	write("etc/empty", "", 0o000)
	write("etc/secret", "s", 0o400)
	write("b/first", "linked", 0o640)
	for i := range 3 * batchSize {
		write(fmt.Sprintf("many/%03d", i), fmt.Sprint(i), 0o644)
	}
	for _, link := range []string{"b/second", "a/third"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(dir, "b/first"), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		os.Symlink("/nowhere/at/all", filepath.Join(dir, "etc/dangling")),
		unix.Mkfifo(filepath.Join(dir, "run.fifo"), 0o620),
		os.Mkdir(filepath.Join(dir, "sticky"), 0o755),
		os.Chmod(filepath.Join(dir, "sticky"), 0o777|fs.ModeSticky),
		unix.Lsetxattr(filepath.Join(dir, "etc/secret"), "user.note", []byte("kept"), 0),
	); err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EACCES) {
		t.Fatal(err)
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	for _, name := range []string{"usr/bin/tool", "usr/bin", "usr", "b", "."} {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// describe tells everything that a copy has to keep. Files are known by a number each, so that hard links show.
func describe(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	inodes := map[uint64]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if _, seen := inodes[st.Ino]; !seen {
			inodes[st.Ino] = len(inodes)
		}
		fmt.Fprintf(&b, "%s %v %d:%d #%d %v", name, info.Mode(), st.Uid, st.Gid, inodes[st.Ino], info.ModTime().UTC())
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			fmt.Fprintf(&b, " -> %s %v", to, err)
		case d.Type().IsRegular():
			text, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrPermission) {
				return err
			}
			fmt.Fprintf(&b, " %d %.20q", info.Size(), text)
			var value [64]byte
			if n, err := unix.Lgetxattr(path, "user.note", value[:]); err == nil {
				fmt.Fprintf(&b, " note=%s", value[:n])
			}
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// readable makes what only root can read readable, for runs as an ordinary user.
func readable(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		if err := os.Chmod(filepath.Join(dir, "etc/empty"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCopy(t *testing.T) {
	from, to := tree(t), filepath.Join(t.TempDir(), "to")
	readable(t, from)
	want := describe(t, from)
	var last int64
	stats, err := Copy(t.Context(), from, to, func(n int64) { last = max(last, n) })
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(t, to); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if last != stats.Bytes || stats.Bytes < 3<<20 || stats.Files < 3*batchSize {
		t.Errorf("%+v, told %d", stats, last)
	}
	if !strings.Contains(want, "a/third -rw-r----- ") || strings.Count(want, "linked") != 3 {
		t.Errorf("the fixture lost its links:\n%s", want)
	}
}

// Owners, devices and capabilities can be given by root only.
func TestCopyAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("owners, devices and capabilities need root; the machine's test covers them too")
	}
	from, to := tree(t), filepath.Join(t.TempDir(), "to")
	tool := filepath.Join(from, "usr/bin/tool")
	capability := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := errors.Join(
		os.Lchown(filepath.Join(from, "etc/secret"), 990, 991),
		os.Lchown(filepath.Join(from, "etc/dangling"), 990, 991),
		os.Lchown(filepath.Join(from, "sticky"), 0, 991),
		unix.Mknod(filepath.Join(from, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
		unix.Lsetxattr(tool, "security.capability", capability, 0),
	); err != nil {
		t.Skipf("root of a container without these rights: %v", err)
	}
	want := describe(t, from)
	if _, err := Copy(t.Context(), from, to, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if got := describe(t, to); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	got := make([]byte, 64)
	n, err := unix.Lgetxattr(filepath.Join(to, "usr/bin/tool"), "security.capability", got)
	if err != nil || string(got[:n]) != string(capability) {
		t.Errorf("the capability is %x, %v", got[:max(n, 0)], err)
	}
}

func TestCopyOntoMountPoints(t *testing.T) {
	from, to := tree(t), t.TempDir()
	readable(t, from)
	if err := os.MkdirAll(filepath.Join(to, "usr"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), from, to, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(to, "usr")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestCopyFails(t *testing.T) {
	from, to := tree(t), t.TempDir()
	readable(t, from)
	if err := os.MkdirAll(filepath.Join(to, "many"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "many/100"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Copy(t.Context(), from, to, func(int64) {})
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "/many/100") {
		t.Errorf("a file in the way: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := Copy(ctx, from, filepath.Join(t.TempDir(), "to"), func(int64) {}); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}
