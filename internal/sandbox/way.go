package sandbox

import (
	"fmt"

	"github.com/quarry-project/quarry/internal/arch"
)

// Way is how an architecture's programs run in a sandbox.
type Way string

// The ways, the preferred first.
const (
	Native   Way = "native"    // on the host's own CPU
	OwnRule  Way = "own rule"  // by an emulator that the sandbox registers for itself
	HostRule Way = "host rule" // by the emulator that the host has registered for all its programs
	NoWay    Way = ""          // not at all
)

// ruleState is what the host's own binfmt_misc has for an architecture.
type ruleState string

const (
	ruleMissing  ruleState = ""
	ruleDisabled ruleState = "disabled"
	ruleLoose    ruleState = "loose" // without the flag F: its emulator is looked up in each root anew, and no root has one
	ruleServes   ruleState = "serves"
)

// facts are what a trial found of the host, for one architecture.
type facts struct {
	Emulator string    `json:"emulator"` // path of a static user-mode emulator on the host; "" for none
	Refused  string    `json:"refused"`  // why the kernel lets a user namespace have no rules of its own; "" where it does
	Rule     ruleState `json:"rule"`
}

// decide says how programs of a run, with the reason, or why they can't, with what would change that. It is a pure function.
func decide(a arch.Arch, f facts) Ability {
	static := a.UserEmulator
	switch {
	case a.Native():
		return Ability{OK: true, Way: Native, Reason: a.Name + " programs run on this host's own CPU"}
	case f.Refused == "" && f.Emulator != "":
		return Ability{OK: true, Way: OwnRule, Reason: a.Name + " programs run by " + f.Emulator + ", registered in the sandbox alone"}
	case f.Rule == ruleServes && f.Refused == "":
		return Ability{OK: true, Way: HostRule, Reason: fmt.Sprintf("%s programs run by the emulator that this host has registered (no %s is installed here)", a.Name, a.User)}
	case f.Rule == ruleServes:
		return Ability{OK: true, Way: HostRule, Reason: a.Name + " programs run by the emulator that this host has registered, as the sandbox can have no rule of its own: " + f.Refused}
	case f.Refused == "":
		return Ability{
			Reason: fmt.Sprintf("%s is not installed, so programs for %s can't run", a.User, a.Name), Package: static,
			Fix: fmt.Sprintf("install %s on Debian, %s on Fedora", static.Debian, static.Rocky),
		}
	}
	reason := fmt.Sprintf("programs for %s can't run: the sandbox can have no rule for its emulator (%s; that came with Linux 6.7), and ", a.Name, f.Refused)
	const restart = "systemctl restart systemd-binfmt"
	switch {
	case f.Rule == ruleDisabled:
		return Ability{Reason: reason + "the host's rule for it is disabled", Fix: "as root: " + restart}
	case f.Rule == ruleLoose:
		return Ability{Reason: reason + "the host's rule for it lacks the flag F, so that it finds its emulator in no other root", Package: static,
			Fix: fmt.Sprintf("install %s on Debian, %s on Fedora, whose rules have it; then as root: %s", static.Debian, static.Rocky, restart)}
	case f.Emulator == "":
		return Ability{Reason: reason + "the host has none either", Package: static,
			Fix: fmt.Sprintf("install %s on Debian, %s on Fedora, which register one", static.Debian, static.Rocky)}
	default:
		return Ability{Reason: reason + "the host has registered none, although " + f.Emulator + " is there", Fix: "as root: " + restart}
	}
}
