package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/xattr"
)

// folder makes a folder with one of everything that an ordinary user can make.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	for name, text := range map[string]string{
		"usr/bin/tool": strings.Repeat("x", 9<<20), "etc/empty": "", "b/first": "linked", "proc/1/status": "no",
		"usr/" + strings.Repeat("long-", 50) + "ä": "a name that does not fit into the old header",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC) // fractions of a second are not kept
	if err := errors.Join(
		os.Chmod(filepath.Join(dir, "usr/bin/tool"), 0o755|os.ModeSetuid),
		os.Chmod(filepath.Join(dir, "b"), 0o777|os.ModeSticky),
		os.Symlink("/nowhere/at/all", filepath.Join(dir, "etc/dangling")),
		unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
		os.Mkdir(filepath.Join(dir, "a"), 0o700),
		os.Link(filepath.Join(dir, "b/first"), filepath.Join(dir, "a/second")),
		os.Link(filepath.Join(dir, "b/first"), filepath.Join(dir, "c")),
	); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mknod(filepath.Join(dir, "socket"), unix.S_IFSOCK|0o600, 0); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return os.Chtimes(path, old, old)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// list says what is in an archive, a line for each entry.
func list(t *testing.T, data []byte) []string {
	t.Helper()
	var lines []string
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%c %s %o %d %s %.8q", h.Typeflag, h.Name, h.Mode, h.Size, h.Linkname, content))
		if h.Uid != os.Getuid() || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s belongs to %d %q:%q", h.Name, h.Uid, h.Uname, h.Gname)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := folder(t)
	var first, second bytes.Buffer
	var told int64
	stats, err := Write(t.Context(), dir, &first, Options{Empty: []string{"proc"}, Progress: func(n int64) { told = n }})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, line := range list(t, first.Bytes()) {
		names = append(names, strings.ReplaceAll(line, strings.Repeat("long-", 50), "LONG"))
	}
	want := []string{
		`5 ./ 755 0  ""`,
		`5 a/ 700 0  ""`,
		`0 a/second 640 6  "linked"`,
		`5 b/ 1777 0  ""`,
		`1 b/first 640 0 a/second ""`,
		`1 c 640 0 a/second ""`,
		`5 etc/ 755 0  ""`,
		`2 etc/dangling 777 0 /nowhere/at/all ""`,
		`0 etc/empty 640 0  ""`,
		`6 fifo 600 0  ""`,
		`5 proc/ 755 0  ""`,
		`5 usr/ 755 0  ""`,
		`5 usr/bin/ 755 0  ""`,
		`0 usr/bin/tool 4755 9437184  "xxxxxxxx"`,
		`0 usr/LONGä 640 44  "a name t"`,
	}
	// What making a folder gives is the umask's.
	if !slices.Equal(names, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	if stats.Entries != 15 || stats.Bytes != 9<<20+6+44 || told != stats.Bytes || !slices.Equal(stats.Skipped, []string{"socket"}) {
		t.Errorf("%+v, told %d", stats, told)
	}
	if _, err := Write(t.Context(), dir, &second, Options{Empty: []string{"proc"}}); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("the same files gave other bytes: %v", err)
	}
}

// GNU tar has to find it well-formed, and the same as the folder.
func TestTarReadsIt(t *testing.T) {
	dir := folder(t)
	note := unix.Lsetxattr(filepath.Join(dir, "etc/empty"), "user.note", []byte("a\x00b"), 0)
	file := filepath.Join(t.TempDir(), "root.tar")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Write(t.Context(), dir, out, Options{})
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	// Compares contents, modes, owners, times and links.
	cmd := exec.Command("tar", "--compare", "-f", file, "-C", dir)
	if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("tar --compare: %v\n%s", err, said)
	}
	if note != nil {
		t.Skipf("this file system has no extended attributes of users: %v", note)
	}
	to := t.TempDir()
	if said, err := exec.Command("tar", "-x", "--xattrs", "-f", file, "-C", to).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, said)
	}
	value := make([]byte, 16)
	n, err := unix.Lgetxattr(filepath.Join(to, "etc/empty"), "user.note", value)
	if err != nil || string(value[:n]) != "a\x00b" {
		t.Errorf("the attribute is %q, %v", value[:max(0, n)], err)
	}
}

// Capabilities can be given by root only.
func TestAttributesAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("capabilities and devices need root; the machine's test covers them too")
	}
	dir := t.TempDir()
	tool := filepath.Join(dir, "tool")
	capability := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := errors.Join(
		os.WriteFile(tool, nil, 0o755), os.Lchown(tool, 990, 991),
		unix.Lsetxattr(tool, "security.capability", capability, 0),
		unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
	); err != nil {
		t.Skipf("root of a container without these rights: %v", err)
	}
	var out bytes.Buffer
	stats, err := Write(t.Context(), dir, &out, Options{})
	if err != nil || !slices.Equal(stats.Skipped, []string{"null"}) {
		t.Fatalf("%+v %v", stats, err)
	}
	r := tar.NewReader(&out)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	h, err := r.Next()
	if err != nil || h.Uid != 990 || h.Gid != 991 || h.PAXRecords["SCHILY.xattr.security.capability"] != string(capability) || len(h.PAXRecords) != 1 {
		t.Errorf("%+v %v", h, err)
	}
}

// Labels are written only where they are asked for; other attributes always are.
func TestLabels(t *testing.T) {
	const selinux, capability = "system_u:object_r:bin_t:s0\x00", "\x01\x00"
	attributes := []xattr.Attribute{{Name: "security.capability", Value: []byte(capability)}, {Name: label, Value: []byte(selinux)}}
	without := map[string]string{"SCHILY.xattr.security.capability": capability}
	with := map[string]string{"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.security.selinux": selinux}
	for labels, want := range map[bool]map[string]string{false: without, true: with} {
		if got := (Options{Labels: labels}).records(attributes); !maps.Equal(got, want) {
			t.Errorf("labels %v: %q", labels, got)
		}
	}
	if got := (Options{}).records(attributes[1:]); got != nil {
		t.Errorf("a file with a label alone has %q", got)
	}
}

func TestWriteFails(t *testing.T) {
	if _, err := Write(t.Context(), filepath.Join(t.TempDir(), "none"), io.Discard, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := Write(ctx, folder(t), io.Discard, Options{}); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Write(t.Context(), folder(t), full{}, Options{}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a full drive: %v", err)
	}
}

// full is a drive without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, unix.ENOSPC }
