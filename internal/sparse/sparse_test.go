package sparse

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"
)

func TestCopy(t *testing.T) {
	zeros, text := make([]byte, 16*hole), bytes.Repeat([]byte("quarry"), hole)
	for name, data := range map[string][]byte{
		"nothing": nil, "short": []byte("x"), "zeros": zeros, "ends in zeros": append(bytes.Clone(text), zeros...),
		"begins with zeros": append(bytes.Clone(zeros), text[:100]...), "a hole and a bit": append(bytes.Clone(zeros), 0),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "file"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if n, err := Copy(f, iotest.OneByteReader(bytes.NewReader(data))); err != nil || n != int64(len(data)) {
				t.Fatalf("%d of %d bytes, %v", n, len(data), err)
			}
			got, err := os.ReadFile(f.Name())
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("it holds %d other bytes, %v", len(got), err)
			}
			var s unix.Stat_t
			if err := unix.Fstat(int(f.Fd()), &s); err != nil {
				t.Fatal(err)
			}
			if limit := int64(len(bytes.TrimLeft(data, "\x00"))+2*hole) / 512; s.Blocks > limit {
				t.Errorf("it takes %d blocks", s.Blocks)
			}
		})
	}
	want := errors.New("the disk is on fire")
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Copy(f, iotest.ErrReader(want)); !errors.Is(err, want) {
		t.Error(err)
	}
}
