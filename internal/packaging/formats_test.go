package packaging

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/pgzip"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/qemuimg"
	"github.com/quarry-project/quarry/test/golden"
	"github.com/quarry-project/quarry/test/shared"
)

func TestLookupListsFormats(t *testing.T) {
	if _, err := Lookup("floppy"); err == nil || !strings.Contains(err.Error(), "floppy") || !strings.Contains(err.Error(), "qcow2") {
		t.Errorf("got %v; want an error that names the format and those there are", err)
	}
	_, err := Accept(plan.Output{Format: "box", Provider: "hyperv"})
	if err == nil || !strings.Contains(err.Error(), "hyperv") || !strings.Contains(err.Error(), "libvirt") {
		t.Errorf("got %v; want an error that names the provider and those there are", err)
	}
}

// made makes a file for a test.
func made(t testing.TB, out plan.Output) string {
	t.Helper()
	f, err := Accept(out)
	if err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(t.TempDir(), "image."+out.Format)
	if _, err := Make(t.Context(), sourceOf(t, f.Takes()), out, dst, nil); err != nil {
		t.Fatal(err)
	}
	return dst
}

// TestProgramsAccept has the usual programs look at the files.
func TestProgramsAccept(t *testing.T) {
	for _, tc := range []struct{ format, command, says string }{
		{"qcow2", "qemu-img check -f qcow2", "No errors"},
		{"qcow2", "qemu-img info -f qcow2", "compression type: zlib"},
		{"raw", "qemu-img info -f raw", "virtual size"},
		{"raw.xz", "xz -tv", "KiB"},
		{"raw.zst", "zstd -tv", ""},
		{"vhd", "qemu-img info -f vpc", "(7340032 bytes)"},
		{"vmdk", "qemu-img check -f vmdk", "No errors"},
		{"vmdk", "qemu-img info -f vmdk", "streamOptimized"},
		{"box", "tar -tzvf", "metadata.json"},
		{"tar.xz", "xz -tv", "KiB"},
		{"tar.xz", "tar -tJvf", "./usr/bin/same link to ./usr/bin/bash"},
		{"oci.tar", "tar -tf", "oci-layout"},
		{"wsl", "tar -tzvf", "./usr/bin/bash"},
		{"iso", "xorriso -no_rc -indev", "Volume id    : 'Pebble-9-6-Test'"},
	} {
		t.Run(tc.command, func(t *testing.T) {
			path := made(t, plan.Output{Format: tc.format, Compression: map[string]string{"qcow2": "zlib"}[tc.format], Provider: map[string]string{"box": libvirt}[tc.format]})
			args := append(strings.Fields(tc.command), path)
			out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), tc.says) {
				t.Errorf("%q: %v\n%s", args, err, out)
			}
		})
	}
}

// TestUmociUnpacks has another implementation of OCI read the archive and unpack its layer.
func TestUmociUnpacks(t *testing.T) {
	if _, err := exec.LookPath("umoci"); err != nil {
		shared.Missing(t, "the OCI tool umoci is not installed: %v", err)
	}
	dir := t.TempDir()
	layout, bundle := filepath.Join(dir, "layout"), filepath.Join(dir, "bundle")
	if err := os.Mkdir(layout, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"tar", "-xf", made(t, plan.Output{Format: "oci.tar"}), "-C", layout},
		{"umoci", "stat", "--image", layout + ":9.6"},
		{"umoci", "unpack", "--rootless", "--image", layout + ":9.6", bundle},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	got, err := os.ReadFile(filepath.Join(bundle, "rootfs/usr/bin/same"))
	if err != nil || !bytes.Equal(got, words(1<<20)) {
		t.Errorf("unpacked are %d bytes, %v", len(got), err)
	}
	config, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	if err != nil || !bytes.Contains(config, []byte("/bin/bash")) {
		t.Errorf("the bundle's configuration: %v\n%s", err, config)
	}
}

// TestRawKeepsHoles compares what the file takes on the disk with its size.
func TestRawKeepsHoles(t *testing.T) {
	info, err := qemuimg.Read(t.Context(), made(t, plan.Output{Format: "raw"}), "raw")
	if err != nil || info.VirtualSize != testDiskSize || info.ActualSize > 2*testData {
		t.Errorf("%+v, %v: want %d bytes, of which %d are on the disk", info, err, testDiskSize, testData)
	}
}

// TestBoxFiles shows all that a box holds beside its disk.
func TestBoxFiles(t *testing.T) {
	for _, out := range (box{}).Outputs() {
		t.Run(out.Provider, func(t *testing.T) {
			f, err := os.Open(made(t, out))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			z, err := pgzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for r := tar.NewReader(z); ; {
				h, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if h.Mode != 0o644 || h.Uid != 0 || h.Uname != "" || h.ModTime.Unix() != 0 {
					t.Errorf("%s: %+v", h.Name, h)
				}
				text.WriteString("== " + h.Name + "\n")
				if h.Name != boxDisk(out.Provider) {
					if _, err := io.Copy(&text, r); err != nil {
						t.Fatal(err)
					}
				}
			}
			golden.Equal(t, "box-"+out.Provider+".txt", text.String())
		})
	}
}

// TestBoxOfUEFI: a machine without a BIOS boot loader gets UEFI.
func TestBoxOfUEFI(t *testing.T) {
	in := sourceOf(t, Disk)
	in.Disk.Boot.BIOS, in.Disk.Arch = false, "aarch64"
	for provider, want := range map[string]string{virtualBox: `"--firmware", "efi"`, vmware: `vmx["firmware"] = "efi"`} {
		files, err := boxFiles(in, provider)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(files, func(m member) bool { return m.name == boxFile })
		if i < 0 || !strings.Contains(string(files[i].data), want) {
			t.Errorf("%s: %q", provider, files)
		}
	}
}

func TestBoxThatContradictsItself(t *testing.T) {
	b := openBox{
		metadata: metadata{Provider: virtualBox}, name: "box-disk001.vmdk", disk: diskSource("", "vmdk", testDiskSize), texts: map[string][]byte{},
	}
	files, err := boxFiles(sourceOf(t, Disk), virtualBox)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b.texts[f.name] = f.data
	}
	if err := b.check(virtualBox); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*openBox){
		"provider":       func(b *openBox) { b.metadata.Provider = vmware },
		"size":           func(b *openBox) { b.disk = diskSource("", "vmdk", 2*testDiskSize) },
		"name":           func(b *openBox) { b.name = "another.vmdk" },
		"no Vagrantfile": func(b *openBox) { delete(b.texts, boxFile) },
		"OVF":            func(b *openBox) { b.texts[boxOVF] = []byte("<Envelope/>") },
		"use of it": func(b *openBox) {
			b.texts[boxOVF] = bytes.Replace(b.texts[boxOVF], []byte("/disk/vmdisk1"), []byte("/disk/vmdisk2"), 1)
		},
	} {
		bad := b
		bad.texts = maps.Clone(b.texts)
		change(&bad)
		if bad.check(virtualBox) == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
