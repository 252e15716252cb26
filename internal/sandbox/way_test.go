package sandbox

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
)

func foreign(t *testing.T) arch.Arch {
	t.Helper()
	for _, a := range arch.All() {
		if !a.Native() {
			return a
		}
	}
	t.Fatal("every architecture is this host's")
	return arch.Arch{}
}

func TestDecide(t *testing.T) {
	a := foreign(t)
	const program, old = "/usr/bin/qemu-static", "mounting binfmt_misc: operation not permitted"
	for name, c := range map[string]struct {
		facts     facts
		way       Way
		says, fix string // parts of the reason and of the fix
		lacks     bool   // a package is named
	}{
		"own rule":                     {facts{Emulator: program}, OwnRule, program, "", false},
		"own rule before the host's":   {facts{Emulator: program, Rule: ruleServes}, OwnRule, program, "", false},
		"own rule, host's is disabled": {facts{Emulator: program, Rule: ruleDisabled}, OwnRule, program, "", false},
		"host's emulator alone":        {facts{Rule: ruleServes}, HostRule, "this host has registered", "", false},
		"nothing":                      {facts{}, NoWay, "is not installed", "install " + a.UserEmulator.Debian, true},
		"old kernel, host's rule":      {facts{Emulator: program, Refused: old, Rule: ruleServes}, HostRule, old, "", false},
		"old kernel, no emulator":      {facts{Refused: old, Rule: ruleServes}, HostRule, old, "", false},
		"old kernel, nothing":          {facts{Refused: old}, NoWay, "the host has none either", "which register one", true},
		"old kernel, no rule":          {facts{Emulator: program, Refused: old}, NoWay, "registered none, although " + program, "systemd-binfmt", false},
		"old kernel, disabled":         {facts{Emulator: program, Refused: old, Rule: ruleDisabled}, NoWay, "is disabled", "systemd-binfmt", false},
		"old kernel, without F":        {facts{Emulator: program, Refused: old, Rule: ruleLoose}, NoWay, "the flag F", a.UserEmulator.Rocky, true},
	} {
		got := decide(a, c.facts)
		if got.Way != c.way || got.OK != (c.way != NoWay) || !strings.Contains(got.Reason, c.says) || !strings.Contains(got.Fix, c.fix) ||
			(got.Fix == "") != got.OK || (got.Package != arch.Package{}) != c.lacks {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if host, ok := arch.Host(); ok {
		if got := decide(host, facts{Refused: old}); !got.OK || got.Way != Native {
			t.Errorf("native: %+v", got)
		}
	}
}

func TestHostRule(t *testing.T) {
	a := foreign(t)
	value, _ := a.ELF.Magic()
	magic := hex.EncodeToString(value)
	good := "enabled\ninterpreter /usr/bin/qemu-static\nflags: OCF\noffset 0\nmagic " + magic + "\nmask ff\n"
	disabled := strings.Replace(good, "enabled", "disabled", 1)
	loose := "enabled\nflags: OC\nmagic " + magic
	other := "enabled\nflags: F\nmagic 7f454c46\n"
	for name, c := range map[string]struct {
		files []string
		all   string
		want  ruleState
	}{
		"none":               {nil, "enabled\n", ruleMissing},
		"another's":          {[]string{other, ""}, "enabled\n", ruleMissing},
		"good":               {[]string{other, good}, "enabled\n", ruleServes},
		"disabled":           {[]string{disabled}, "enabled\n", ruleDisabled},
		"without F":          {[]string{loose}, "enabled\n", ruleLoose},
		"good beside others": {[]string{disabled, good, loose}, "enabled\n", ruleServes},
		"all disabled":       {[]string{good}, "disabled\n", ruleDisabled},
		"none, disabled":     {nil, "disabled\n", ruleMissing},
	} {
		dir := t.TempDir()
		for i, text := range append([]string{c.all}, c.files...) {
			file := "status"
			if i > 0 {
				file = "rule" + string(rune('0'+i))
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := hostRule(dir, a); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := hostRule(filepath.Join(t.TempDir(), "not mounted"), a); got != ruleMissing {
		t.Errorf("without binfmt_misc: %q", got)
	}
}
