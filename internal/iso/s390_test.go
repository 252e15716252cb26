package iso

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteS390(t *testing.T) {
	kernel := noise("kernel", 9<<20)
	copy(kernel[s390Magic:], "S390EP")
	initrd := noise("initrd", 70001)
	out := filepath.Join(t.TempDir(), "cdboot.img")
	if err := writeS390(out, write(t, kernel), write(t, initrd), "root=live:CDLABEL=X quiet"); err != nil {
		t.Fatal(err)
	}
	got := read(t, out)
	at := int(binary.BigEndian.Uint64(got[s390InitrdStart:]))
	if at < len(kernel) || at%s390InitrdAlign != 0 || int(binary.BigEndian.Uint64(got[s390InitrdSize:])) != len(initrd) || !bytes.Equal(got[at:], initrd) {
		t.Errorf("the initrd is said to be at %d of %d", at, len(got))
	}
	if psw := binary.BigEndian.Uint32(got[s390PSWAddress:]); psw != 0x80010000 {
		t.Errorf("it starts at %#x", psw)
	}
	if line, _, _ := bytes.Cut(got[s390Cmdline:s390Cmdline+s390CmdlineSize], []byte{0}); string(line) != "root=live:CDLABEL=X quiet" {
		t.Errorf("the command line is %q", line)
	}
	// Nothing else of the kernel is changed.
	for _, part := range []struct{ at, n int }{{s390PSWAddress, 4}, {s390InitrdStart, 16}, {s390Cmdline, s390CmdlineSize}} {
		copy(got[part.at:part.at+part.n], kernel[part.at:])
	}
	if !bytes.Equal(got[:len(kernel)], kernel) {
		t.Error("the kernel is another one")
	}
}

func TestWriteS390Refuses(t *testing.T) {
	kernel := noise("kernel", 1<<20)
	initrd, out := write(t, []byte("initrd")), filepath.Join(t.TempDir(), "cdboot.img")
	if err := writeS390(out, write(t, kernel), initrd, "quiet"); err == nil || !strings.Contains(err.Error(), "no kernel of s390x") {
		t.Errorf("a kernel without its mark: %v", err)
	}
	copy(kernel[s390Magic:], "S390EP")
	if err := writeS390(out, write(t, kernel), initrd, strings.Repeat("x", s390CmdlineSize)); err == nil || !strings.Contains(err.Error(), "895") {
		t.Errorf("a long command line: %v", err)
	}
	if err := writeS390(out, write(t, kernel[:s390Cmdline]), initrd, "quiet"); err == nil {
		t.Error("a short kernel was taken")
	}
}

func TestS390InitrdAt(t *testing.T) {
	for kernel, want := range map[int64]int64{1: 8 << 20, 8 << 20: 8 << 20, 8<<20 + 1: 9 << 20, 11<<20 - 5: 11 << 20} {
		if got := s390InitrdAt(kernel); got != want {
			t.Errorf("behind %d bytes it is at %d, want %d", kernel, got, want)
		}
	}
}
