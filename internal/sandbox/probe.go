package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/quarry-project/quarry/internal/arch"
)

// Ability says whether packages of an architecture can be installed in a sandbox, and how its programs run there.
type Ability struct {
	OK      bool         `json:"ok"`
	Way     Way          `json:"way,omitempty"`
	Reason  string       `json:"reason"`        // for this way, or why not
	Fix     string       `json:"fix,omitempty"` // what would change that
	Package arch.Package `json:"package"`       // of the host, if that would change it
}

// probeFunction is known to every program that calls Enter.
const probeFunction = "sandbox.probe"

// Probe makes a real sandbox to see whether packages of the architecture can be installed in it on this host.
func Probe(ctx context.Context, a arch.Arch) Ability {
	spec := Spec{Function: probeFunction}
	if !a.Native() {
		spec.Interpreters = []string{a.Name}
	}
	var ways map[string]Ability
	err := Run(ctx, spec, &ways)
	var unsupported *UnsupportedError
	switch {
	case err == nil && a.Native():
		return decide(a, facts{})
	case err == nil:
		return ways[a.Name]
	case errors.As(err, &unsupported):
		return Ability{Reason: unsupported.Reason, Fix: unsupported.Fix, Package: unsupported.Package}
	default:
		return Ability{Reason: err.Error()}
	}
}

// probe does in the sandbox what installing packages needs first: giving a file to another user.
func probe() error {
	const file = "/tmp/probe"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	if err := os.Chown(file, wantIDs-2, wantIDs-2); err != nil {
		return fmt.Errorf("giving a file to another user: %w", err)
	}
	return nil
}
