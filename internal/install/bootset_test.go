package install

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bootTar is a tar as the machine writes it.
func bootTar(t *testing.T, headers ...tar.Header) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range append([]tar.Header{{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}}, headers...) {
		h.Format = tar.FormatPAX
		if h.Typeflag == tar.TypeReg {
			h.Size = 4
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte("boot")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func TestUnpackBootSet(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
	folder := tar.Header{Name: "grub/", Typeflag: tar.TypeDir, Mode: 0o755}
	cases := []struct {
		name    string
		headers []tar.Header
		told    []string
		err     string
	}{
		{"whole", []tar.Header{folder, file("grub/a.mod"), file("vmlinuz")}, []string{"grub/a.mod", "vmlinuz"}, ""},
		{"one that was not told of", []tar.Header{file("vmlinuz"), file("zipl")}, []string{"vmlinuz"}, `"zipl", which is no boot file`},
		{"one that is missing", []tar.Header{file("vmlinuz")}, []string{"initrd.cpio", "vmlinuz"}, `did not write: ["initrd.cpio"]`},
		{"a bad name that was told of", []tar.Header{file(".hidden")}, []string{".hidden"}, "no boot file"},
		{"outside", []tar.Header{file("../vmlinuz")}, []string{"../vmlinuz"}, "no plain name below the root"},
		{"a link", []tar.Header{{Name: "vmlinuz", Typeflag: tar.TypeSymlink, Linkname: "/etc/shadow"}}, []string{"vmlinuz"}, "no boot file"},
		{"told of twice", []tar.Header{file("vmlinuz")}, []string{"vmlinuz", "vmlinuz"}, "did not write"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "boot")
			err := unpackBootSet(t.Context(), bootTar(t, c.headers...), out, c.told)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("%v, want %q", err, c.err)
			}
			if c.err != "" {
				return
			}
			for _, name := range c.told {
				if data, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(data) != "boot" {
					t.Errorf("%s: %q, %v", name, data, err)
				}
			}
		})
	}
}

// A program of the packages that got out of its root could put a link in place of what it was to make.
func TestBootFilesAreTheirOwn(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		make  func(dir string) error
		names []string
		ok    bool
	}{
		"whole":           {func(string) error { return nil }, []string{"vmlinuz", "grub/a.mod"}, true},
		"missing":         {func(dir string) error { return os.Remove(filepath.Join(dir, "vmlinuz")) }, []string{"vmlinuz"}, false},
		"no initramfs":    {func(dir string) error { return os.Remove(filepath.Join(dir, "initrd.cpio")) }, nil, false},
		"a name outside":  {func(string) error { return nil }, []string{"../boot/vmlinuz"}, false},
		"a link":          {func(dir string) error { return os.Symlink(secret, filepath.Join(dir, "link")) }, []string{"link"}, false},
		"a link inside":   {func(dir string) error { return os.Symlink("vmlinuz", filepath.Join(dir, "link")) }, []string{"link"}, false},
		"a linked folder": {func(dir string) error { return os.Symlink("grub", filepath.Join(dir, "link")) }, []string{"link/a.mod"}, false},
		"a folder":        {func(string) error { return nil }, []string{"grub"}, false},
		"the folder itself": {func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".real"), os.Symlink(dir+".real", dir))
		}, nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "boot")
			if err := os.MkdirAll(filepath.Join(dir, "grub"), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{"initrd.cpio", "vmlinuz", "grub/a.mod"} {
				if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.make(dir); err != nil {
				t.Fatal(err)
			}
			if err := checkBootFiles(dir, c.names); (err == nil) != c.ok {
				t.Error(err)
			}
		})
	}
}

// Every kernel reads xz with this check and a dictionary of this size only.
func TestInitrdIsCompressed(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "initrd.cpio"), filepath.Join(dir, "initrd.img")
	data := bytes.Repeat([]byte("an initramfs "), 1<<18)
	if err := os.WriteFile(from, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := compressInitrd(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(from); err == nil {
		t.Error("the uncompressed one is still there")
	}
	if got := output(t, exec.Command("xz", "--list", "--verbose", "--verbose", to)); !strings.Contains(got, "CRC32") || !strings.Contains(got, "dict=1MiB") {
		t.Errorf("%s", got)
	}
	if back := output(t, exec.Command("xz", "--decompress", "--stdout", to)); back != string(data) {
		t.Error("other bytes come back")
	}
}
