// Package install makes the installed system: the Lock's packages become a Tree, in a sandbox or a machine, and the Tree and the kickstart become a
// Disk, always in a machine. It solves and fetches nothing, and it makes no image files.
package install

import (
	"fmt"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/sandbox"
)

// Method is where packages are installed.
type Method string

// The methods. Auto is a wish: the sandbox where it can be had, else the machine.
const (
	Auto    Method = "auto"
	Sandbox Method = "sandbox" // on the host, in namespaces of its own; fast
	Machine Method = "machine" // in a build machine; works wherever QEMU does
)

// ParseMethod reads what people write.
func ParseMethod(s string) (Method, error) {
	switch m := Method(s); m {
	case Auto, Sandbox, Machine:
		return m, nil
	}
	return "", fmt.Errorf("unknown way to install packages %q: want auto, sandbox or machine", s)
}

// choose decides for a method and says why. Asking for a sandbox that can't be had is a *sandbox.UnsupportedError.
func choose(wish Method, a arch.Arch, support sandbox.Ability) (Method, string, error) {
	switch {
	case wish == Machine:
		return Machine, "packages are installed in a machine, as asked for", nil
	case support.OK:
		return Sandbox, fmt.Sprintf("packages are installed in a sandbox on this host: %s", support.Reason), nil
	case wish == Sandbox:
		return "", "", &sandbox.UnsupportedError{Reason: support.Reason, Fix: support.Fix, Package: support.Package}
	}
	why := fmt.Sprintf("packages are installed in a machine, which is slower: this host has no sandbox for %s: %s", a.Name, support.Reason)
	if support.Fix != "" {
		why += " (to change that: " + support.Fix + ")"
	}
	return Machine, why, nil
}
