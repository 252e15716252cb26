package vm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cavaliergopher/cpio"
)

func TestInitrdAppendsWhatTheKernelUnpacks(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "agent")
	if err := os.WriteFile(program, []byte("\x7fELF program"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := map[string]File{
		"/quarry/agent":    {Path: program, Mode: 0o755},
		"/quarry/job.json": {Data: []byte("{}"), Mode: 0o600},
		"/etc/x/y":         {Mode: 0o644},
	}
	for _, base := range []string{"", "b", "base", "base of odd length."} {
		from := ""
		if base != "" {
			from = filepath.Join(dir, "base")
			if err := os.WriteFile(from, []byte(base), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		dst := filepath.Join(dir, "initrd")
		if err := Initrd(dst, from, files); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(dst)
		if err != nil {
			t.Fatal(err)
		}
		start := (len(base) + 3) / 4 * 4
		if !bytes.HasPrefix(got, []byte(base)) || !bytes.HasPrefix(got[start:], []byte("070701")) || len(got)%4 != 0 {
			t.Fatalf("behind %q comes %q, %d bytes in all", base, got[:min(len(got), start+6)], len(got))
		}
		want := []string{"etc 40755 ", "etc/x 40755 ", "etc/x/y 100644 ", "quarry 40755 ", "quarry/agent 100755 \x7fELF program", "quarry/job.json 100600 {}"}
		if entries := unpack(t, got[start:]); !slices.Equal(entries, want) {
			t.Errorf("the archive holds %q, want %q", entries, want)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "initrd")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the initramfs, which may hold passwords, has the mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func unpack(t *testing.T, archive []byte) []string {
	t.Helper()
	var out []string
	in := cpio.NewReader(bytes.NewReader(archive))
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %o %s", h.Name, uint32(h.Mode), data))
	}
}

func TestInitrdRefusesAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"relative", "/", "/a/../../etc/passwd", "/a//b", ""} {
		if err := Initrd(filepath.Join(dir, "initrd"), "", map[string]File{name: {}}); err == nil || !strings.Contains(err.Error(), "absolute name") {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if err := Initrd(filepath.Join(dir, "initrd"), filepath.Join(dir, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
