package packaging

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/quarry-project/quarry/internal/plan"
)

// fuzzed puts data into a file.
func fuzzed(t *testing.T, data []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// FuzzVHD: a footer that passes is written back as it was read.
func FuzzVHD(f *testing.F) {
	good, err := os.ReadFile(made(f, plan.Output{Format: "vhd"}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[len(good)-sector:])
	f.Add(make([]byte, sector))
	f.Fuzz(func(t *testing.T, footer []byte) {
		file := fuzzed(t, append(make([]byte, vhdUnit), footer...))
		parsed, at, err := readFooter(file)
		if err != nil || parsed.check(at) != nil {
			return
		}
		if !bytes.Equal(parsed.sealed(), footer) {
			t.Errorf("%x was read as %+v", footer, parsed)
		}
	})
}

// FuzzVMDK: descriptors are bounded and say their form.
func FuzzVMDK(f *testing.F) {
	good, err := os.ReadFile(made(f, plan.Output{Format: "vmdk"}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[:4096])
	f.Add([]byte("KDMV"))
	f.Add([]byte("# Disk DescriptorFile\nRW 1 FLAT \"/etc/passwd\" 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, _, err := readDescriptor(fuzzed(t, data), vmdkStream)
		if err == nil && (len(text) > vmdkMaxText || !bytes.Contains(text, []byte(vmdkStream))) {
			t.Errorf("a descriptor of %d bytes: %q", len(text), text)
		}
	})
}

// FuzzBox reads the tar of a box: nothing is written but the disk.
func FuzzBox(f *testing.F) {
	var good bytes.Buffer
	members := []member{{name: "./metadata.json", data: []byte(`{"provider":"libvirt"}`)}, {name: "../box.img", data: []byte("x")}, {name: "box.img", data: []byte("disk")}}
	if err := packTar(f.Context(), &good, members, func(float64) {}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		b := openBox{texts: map[string][]byte{}}
		_ = b.read(bytes.NewReader(data), filepath.Join(dir, "disk"))
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 1 {
			t.Errorf("%v, %v", entries, err)
		}
	})
}

// FuzzOCI opens archives.
func FuzzOCI(f *testing.F) {
	good, err := os.ReadFile(made(f, plan.Output{Format: "oci.tar"}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:5000])
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := readOCI(fuzzed(t, data))
		if err != nil {
			return
		}
		if _, err := img.ConfigFile(); err == nil {
			_, _ = img.Layers() // may fail, may not panic
		}
	})
}
