package install

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/archive"
)

// tarOf writes headers as a tar; files are filled with x.
func tarOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Format, h.Mode = tar.FormatPAX, 0o755
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, strings.Repeat("x", int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dir(name string) tar.Header  { return tar.Header{Typeflag: tar.TypeDir, Name: name} }
func file(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 700} }
func link(kind byte, name, to string) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Linkname: to}
}

func TestScanTar(t *testing.T) {
	good := tarOf(t, dir("./"), dir("usr/"), file("usr/a"), link(tar.TypeLink, "usr/b", "usr/a"), link(tar.TypeSymlink, "etc", "/../x"),
		tar.Header{Typeflag: tar.TypeReg, Name: "cap", PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x00\x01"}},
		tar.Header{Typeflag: tar.TypeFifo, Name: "pipe"}, file("..a"))
	for name, c := range map[string]struct {
		data []byte
		says string // "" is fine
	}{
		"good":          {good, ""},
		"empty file":    {nil, "it is empty"},
		"no entries":    {tarOf(t), "it is empty"},
		"no tar":        {bytes.Repeat([]byte("tar "), 300), "invalid tar header"},
		"cut off":       {good[:len(good)-3000], "unexpected EOF"},
		"trailing":      {append(bytes.Clone(good), "more"...), "4 bytes follow its end"},
		"no root":       {tarOf(t, dir("usr/")), "not with the root"},
		"root is file":  {tarOf(t, file("./a")), "not with the root"},
		"absolute":      {tarOf(t, dir("./"), file("/etc/passwd")), "no plain name"},
		"climbs":        {tarOf(t, dir("./"), file("../a")), "no plain name"},
		"climbs inside": {tarOf(t, dir("./"), dir("a/"), file("a/../b")), "no plain name"},
		"parent":        {tarOf(t, dir("./"), dir("../")), "no plain name"},
		"twice":         {tarOf(t, dir("./"), file("a"), file("a")), "twice"},
		"root twice":    {tarOf(t, dir("./"), dir("./")), "twice"},
		"no folder":     {tarOf(t, dir("./"), file("a/b")), "no folder before it"},
		"through link":  {tarOf(t, dir("./"), link(tar.TypeSymlink, "a", "/etc"), file("a/passwd")), "no folder before it"},
		"link forward":  {tarOf(t, dir("./"), link(tar.TypeLink, "a", "b"), file("b")), "no file before it"},
		"link outside":  {tarOf(t, dir("./"), link(tar.TypeLink, "a", "/etc/shadow")), "no file before it"},
		"link to dir":   {tarOf(t, dir("./"), dir("b/"), link(tar.TypeLink, "a", "b")), "no file before it"},
		"device":        {tarOf(t, dir("./"), tar.Header{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}), "is of type"},
		"other record": {tarOf(t, dir("./"), tar.Header{Typeflag: tar.TypeReg, Name: "a", PAXRecords: map[string]string{"LIBARCHIVE.x": "y"}}),
			"PAX record"},
	} {
		t.Run(name, func(t *testing.T) {
			unpacked, err := scanTar(t.Context(), bytes.NewReader(c.data))
			if c.says == "" {
				if err != nil || unpacked != 1400 {
					t.Errorf("%d bytes, %v", unpacked, err)
				}
				return
			}
			if !errors.Is(err, ErrTar) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v; want it to say %q", err, c.says)
			}
		})
	}
}

// What the agent writes is what the host accepts.
func TestScanArchive(t *testing.T) {
	var b bytes.Buffer
	stats, err := archive.Write(t.Context(), "testdata", &b, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := scanTar(t.Context(), &b); err != nil || unpacked != stats.Bytes || unpacked == 0 {
		t.Errorf("%d bytes of %d, %v", unpacked, stats.Bytes, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := scanTar(ctx, bytes.NewReader(tarOf(t, dir("./")))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// FuzzScanTar: whatever a machine writes, reading it ends, and what is accepted stays below the root.
func FuzzScanTar(f *testing.F) {
	f.Add(tarOf(f, dir("./"), dir("usr/"), file("usr/a"), link(tar.TypeLink, "usr/b", "usr/a"), link(tar.TypeSymlink, "etc", "..")))
	f.Add(tarOf(f, dir("./"), link(tar.TypeSymlink, "a", "/"), file("a/b")))
	f.Add(tarOf(f, dir("./"), file("../b")))
	f.Fuzz(func(t *testing.T, data []byte) {
		unpacked, err := scanTar(t.Context(), bytes.NewReader(data))
		if err != nil {
			return
		}
		if unpacked > int64(len(data)) {
			t.Fatalf("%d bytes hold %d", len(data), unpacked)
		}
		for r := tar.NewReader(bytes.NewReader(data)); ; {
			h, err := r.Next()
			if err != nil {
				return
			}
			if !strings.HasPrefix(h.Name, "./") && !inside(h.Name) {
				t.Fatalf("%q was accepted", h.Name)
			}
		}
	})
}

// inside asks the standard library, which keeps os.Root's promises.
func inside(name string) bool {
	_, err := os.OpenInRoot("testdata", name)
	return err == nil || errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "escapes")
}

func TestCut(t *testing.T) {
	drive := t.TempDir() + "/drive"
	if err := makeSparse(drive, 4096); err != nil {
		t.Fatal(err)
	}
	for _, written := range []int64{-1, 0, 4097} {
		if err := cut(drive, written); err == nil {
			t.Errorf("a machine that claims %d bytes is believed", written)
		}
	}
	if err := cut(drive, 1024); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(drive); err != nil || info.Size() != 1024 {
		t.Errorf("%v %v", info, err)
	}
}
