package sandbox

import (
	"debug/elf"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
)

// interpreter is the user-mode emulator of one architecture.
type interpreter struct {
	Arch    string `json:"arch"`
	Program string `json:"program"` // on the host; static; "" where there is none
}

// interpreters finds the emulators of the architectures that this host can't run itself. One that is missing is no error yet: the host may have
// rules that serve.
func interpreters(names []string) ([]interpreter, error) {
	var found []interpreter
	for _, name := range names {
		a, err := arch.Lookup(name)
		if err != nil {
			return nil, err
		}
		if !a.Native() {
			found = append(found, interpreter{name, emulator(a)})
		}
	}
	return found, nil
}

// emulator returns the path of a's static emulator. Some distributions call it so, others have only static ones and don't say it.
func emulator(a arch.Arch) string {
	for _, name := range []string{a.User, strings.TrimSuffix(a.User, "-static")} {
		path, err := exec.LookPath(name)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err == nil && static(path) {
			return path
		}
	}
	return ""
}

// static reports whether a program needs no loader: in a root of packages there is none of the host's.
func static(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return !slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
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

// hostRule returns what the host's own binfmt_misc, mounted at dir, has for the architecture's programs.
func hostRule(dir string, a arch.Arch) ruleState {
	value, _ := a.ELF.Magic()
	best := ruleMissing
	entries, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, e := range entries {
		text, err := os.ReadFile(e)
		if err != nil {
			continue
		}
		switch state := stateOf(string(text), value); {
		case state == ruleServes:
			best = state
		case state != ruleMissing && best == ruleMissing:
			best = state
		}
	}
	if all, err := os.ReadFile(filepath.Join(dir, "status")); err == nil && best != ruleMissing && strings.TrimSpace(string(all)) == "disabled" {
		return ruleDisabled
	}
	return best
}

// stateOf reads a rule as binfmt_misc shows it.
func stateOf(text string, value []byte) ruleState {
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
	switch {
	case !matches:
		return ruleMissing
	case !enabled:
		return ruleDisabled
	case !fixed:
		return ruleLoose
	}
	return ruleServes
}
