package squash

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/test/golden"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestArguments(t *testing.T) {
	var b strings.Builder
	for _, arch := range []string{"x86_64", "aarch64", "ppc64le", "s390x"} {
		for _, compression := range []string{XZ, Zstd} {
			o := Options{Compression: compression, Arch: arch, Time: noon}
			folder, err := o.folderArgs("root", "out")
			if err != nil {
				t.Fatal(err)
			}
			fromTar, err := o.tarArgs(&tar.Header{Mode: 0o40555}, "out")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "# %s %s\n%s\n%s\n", arch, compression, strings.Join(folder, " "), strings.Join(fromTar, " "))
		}
	}
	text := regexp.MustCompile(`-processors \d+`).ReplaceAllString(b.String(), "-processors N")
	golden.Equal(t, "arguments.txt", text)
}

func TestUnknownCompressionIsRefused(t *testing.T) {
	err := Folder(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "out"), Options{Compression: "lzo"}, nil)
	if err == nil || !strings.Contains(err.Error(), `"lzo"`) {
		t.Errorf("%v", err)
	}
}

func TestBar(t *testing.T) {
	var told []string
	b := &bar{tell: func(done, total int64) { told = append(told, fmt.Sprintf("%d/%d", done, total)) }}
	text := "Parallel mksquashfs: Using 2 processors\n\n\r[=====\\    ]  4800/16384  29%\r[======|   ] 9600/16384  58%" +
		strings.Repeat("x", 3*maxLine) + "\r[==========] 16384/16384 100%\n\nFilesystem size 3 Kbytes\n\t10/20 30%\n[/] 99999999999999999999/1 1%\n"
	for _, size := range []int{1, 7, len(text)} {
		told = nil
		for rest := []byte(text); len(rest) > 0; rest = rest[min(size, len(rest)):] {
			if n, err := b.Write(rest[:min(size, len(rest))]); err != nil || n != min(size, len(rest)) {
				t.Fatal(n, err)
			}
		}
		if got := strings.Join(told, " "); got != "4800/16384 16384/16384" {
			t.Errorf("in pieces of %d: %s", size, got)
		}
	}
}

// last keeps the last count that was told.
func last(done, total *int64) progress.Func {
	return func(e progress.Event) {
		if e.Kind == progress.Progress {
			*done, *total = e.Done, e.Total
		}
	}
}

func TestFolderIsReadBack(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	root := filepath.Join(dir, "LiveOS")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("a live system "), 100_000)
	if err := os.WriteFile(filepath.Join(root, "rootfs.img"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var sums []digest.Digest
	for n, compression := range []string{XZ, Zstd, Zstd} {
		file := filepath.Join(out, fmt.Sprint(n))
		var done, total int64
		if err := Folder(t.Context(), dir, file, Options{Compression: compression, Arch: "x86_64", Time: noon}, last(&done, &total)); err != nil {
			t.Fatal(err)
		}
		if total != (int64(len(data))+BlockSize-1)/BlockSize*BlockSize || done != total {
			t.Errorf("%s: the last that was told is %d of %d", compression, done, total)
		}
		if got := run(t, "unsquashfs", "-stat", file); !strings.Contains(got, "Compression "+compression) || !strings.Contains(got, "Fri Jan  2 12:00:00 2026") {
			t.Errorf("%s: %s", compression, got)
		}
		if got := run(t, "unsquashfs", "-cat", file, "LiveOS/rootfs.img"); got != string(data) {
			t.Errorf("%s: the file has other bytes", compression)
		}
		if got := run(t, "unsquashfs", "-lln", "-UTC", file); !strings.Contains(got, "-rw------- 0/0") || !strings.Contains(got, "2026-01-02 12:00") {
			t.Errorf("%s: owners and times: %s", compression, got)
		}
		sum, _, err := digest.File(file)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	if sums[1] != sums[2] {
		t.Error("the same folder gives other bytes the second time")
	}
}

func TestTarIsReadBack(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	body := "#!/bin/sh\n"
	for _, h := range []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o555, ModTime: noon},
		{Name: "su", Typeflag: tar.TypeReg, Mode: 0o4755, Uid: 7, Gid: 8, Size: int64(len(body)), ModTime: noon,
			PAXRecords: map[string]string{"SCHILY.xattr.security.selinux": "system_u:object_r:su_exec_t:s0\x00"}},
		{Name: "hard", Typeflag: tar.TypeLink, Linkname: "su", ModTime: noon},
	} {
		h.Format = tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, out := filepath.Join(dir, "root.tar"), filepath.Join(dir, "squashfs.img")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var done, total int64
	if err := Tar(t.Context(), file, out, Options{Compression: XZ, Arch: "x86_64", Time: noon.Add(time.Hour)}, last(&done, &total)); err != nil {
		t.Fatal(err)
	}
	if done != int64(b.Len()) || total != done {
		t.Errorf("the last that was told is %d of %d, and the tar has %d bytes", done, total, b.Len())
	}
	got := run(t, "unsquashfs", "-lln", "-UTC", out)
	if !strings.Contains(got, "dr-xr-xr-x 0/0") || !strings.Contains(got, "2026-01-02 13:00 squashfs-root\n") {
		t.Errorf("the root: %s", got)
	}
	if !strings.Contains(got, "-rwsr-xr-x 7/8") || !strings.Contains(got, "2026-01-02 12:00 squashfs-root/hard") {
		t.Errorf("owners, modes and times: %s", got)
	}
	if got := run(t, "unsquashfs", "-stat", out); !strings.Contains(got, "Number of xattr ids 1") {
		t.Errorf("the label is lost: %s", got)
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Folder(ctx, dir, filepath.Join(dir, "out"), Options{Compression: Zstd, Time: noon}, nil)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); err == nil || len(left) > 0 {
		t.Errorf("%v, left %q", err, left)
	}
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return string(out)
}
