package sandbox

import (
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

// rule is a line for binfmt_misc's register. F opens the emulator now, so that a root without it can use it; O and C give the
// program its file descriptor and its credentials.
func rule(i interpreter, program string) (string, error) {
	a, err := arch.Lookup(i.Arch)
	if err != nil {
		return "", err
	}
	value, mask := a.ELF.Magic()
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
	a, err := arch.Lookup(name)
	if err != nil {
		return false
	}
	value, _ := a.ELF.Magic()
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
