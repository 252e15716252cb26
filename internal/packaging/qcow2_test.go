package packaging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/qemuimg"
)

func TestQCOW2(t *testing.T) {
	unpack := func(t *testing.T, path string) []byte {
		t.Helper()
		raw := filepath.Join(t.TempDir(), "raw")
		c := qemuimg.Conversion{From: path, FromFormat: "qcow2", To: raw, ToFormat: "raw"}
		if err := qemuimg.Convert(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(raw)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	conform(t, QCOW2{}, unpack,
		plan.Output{Format: "qcow2"},
		plan.Output{Format: "qcow2", Compression: "zlib"},
		plan.Output{Format: "qcow2", Compression: "zstd"})
}

func TestQCOW2SaysItsCompression(t *testing.T) {
	for _, compression := range []string{"zlib", "zstd"} {
		dst := filepath.Join(t.TempDir(), "image.qcow2")
		if _, err := (QCOW2{}).Make(t.Context(), sourceOf(testDisk(t)), plan.Output{Format: "qcow2", Compression: compression}, dst, nil); err != nil {
			t.Fatal(err)
		}
		info, err := qemuimg.Read(t.Context(), dst, "qcow2")
		if err != nil {
			t.Fatal(err)
		}
		if info.Specific.Data.Compression != compression || info.Alone() != nil {
			t.Errorf("asked for %s, qemu-img says %+v", compression, info)
		}
	}
}

func TestLookupListsFormats(t *testing.T) {
	if _, err := Lookup("floppy"); err == nil || !strings.Contains(err.Error(), "floppy") || !strings.Contains(err.Error(), "qcow2") {
		t.Errorf("got %v; want an error that names the format and those there are", err)
	}
}
