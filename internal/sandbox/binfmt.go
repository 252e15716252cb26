package sandbox

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
)

// interpreter is the user-mode emulator of one architecture.
type interpreter struct {
	Arch    string `json:"arch"`
	Program string `json:"program"` // on the host; static
}

// interpreters finds the emulators of the architectures that this host can't run itself.
func interpreters(names []string) ([]interpreter, error) {
	var found []interpreter
	for _, name := range names {
		a, err := arch.Lookup(name)
		if err != nil {
			return nil, err
		}
		if a.Native() {
			continue
		}
		program, err := exec.LookPath(a.User)
		if err != nil {
			return nil, &UnsupportedError{
				Reason: a.User + " is not installed, so programs for " + name + " can't run", Fix: "install qemu-user-static",
			}
		}
		if program, err = filepath.EvalSymlinks(program); err != nil {
			return nil, err
		}
		found = append(found, interpreter{name, program})
	}
	return found, nil
}

// machine is how an architecture's ELF files are marked.
type machine struct {
	number elf.Machine
	order  binary.ByteOrder
}

func machines() map[string]machine {
	return map[string]machine{
		"x86_64":  {elf.EM_X86_64, binary.LittleEndian},
		"aarch64": {elf.EM_AARCH64, binary.LittleEndian},
		"ppc64le": {elf.EM_PPC64, binary.LittleEndian},
		"s390x":   {elf.EM_S390, binary.BigEndian},
		"riscv64": {elf.EM_RISCV, binary.LittleEndian},
	}
}

// magic returns the first bytes of the architecture's 64-bit ELF programs and which of their bits count. The ABI bytes and the
// difference between a fixed (2) and a position-independent (3) program don't.
func magic(name string) (value, mask []byte, err error) {
	m, ok := machines()[name]
	if !ok {
		return nil, nil, fmt.Errorf("no ELF machine number is known for %q", name)
	}
	data := byte(elf.ELFDATA2LSB)
	if m.order == binary.BigEndian {
		data = byte(elf.ELFDATA2MSB)
	}
	value = append([]byte(elf.ELFMAG), byte(elf.ELFCLASS64), data, byte(elf.EV_CURRENT))
	mask = bytes.Repeat([]byte{0xff}, len(value))
	value = append(value, make([]byte, elf.EI_NIDENT-len(value))...)
	mask = append(mask, 0) // OS ABI: 0 or GNU's 3
	mask = append(mask, bytes.Repeat([]byte{0xff}, elf.EI_NIDENT-len(mask))...)
	half := func(v uint16) []byte {
		b := make([]byte, 2)
		m.order.PutUint16(b, v)
		return b
	}
	value = append(append(value, half(uint16(elf.ET_EXEC))...), half(uint16(m.number))...)
	mask = append(append(mask, half(0xfffe)...), 0xff, 0xff)
	return value, mask, nil
}

// rule is a line for binfmt_misc's register. F opens the emulator now, so that a root without it can use it; O and C give the
// program its file descriptor and its credentials.
func rule(i interpreter, program string) (string, error) {
	value, mask, err := magic(i.Arch)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(":qemu-%s:M:0:%s:%s:%s:OCF", i.Arch, escape(value), escape(mask), program), nil
}

func escape(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, `\x%02x`, c)
	}
	return s.String()
}

// hostRule reports whether the host's own binfmt_misc, mounted at dir, runs the architecture's programs in any root.
func hostRule(dir, name string) bool {
	value, _, err := magic(name)
	if err != nil {
		return false
	}
	entries, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, e := range entries {
		text, err := os.ReadFile(e)
		if err == nil && ruleServes(string(text), value) {
			return true
		}
	}
	return false
}

// ruleServes reads a rule as binfmt_misc shows it.
func ruleServes(text string, value []byte) bool {
	enabled, fixed, matches := false, false, false
	for line := range strings.Lines(text) {
		switch key, rest, _ := strings.Cut(strings.TrimSpace(line), " "); key {
		case "enabled":
			enabled = true
		case "flags:":
			fixed = strings.Contains(rest, "F")
		case "magic":
			matches = rest == hex.EncodeToString(value)
		}
	}
	return enabled && fixed && matches
}
