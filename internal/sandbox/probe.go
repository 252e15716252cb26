package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/quarry-project/quarry/internal/arch"
)

// Ability says whether something can be done on this host.
type Ability struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"` // why not
	Fix    string `json:"fix,omitempty"`    // what would change that
}

// Support says what sandboxes this host can make.
type Support struct {
	Ability
	Foreign map[string]Ability `json:"foreign,omitempty"` // by RPM's name of the architecture: whether its programs can run inside
}

// For says whether packages of the architecture can be installed in a sandbox.
func (s Support) For(a arch.Arch) Ability {
	if !s.OK || a.Native() {
		return s.Ability
	}
	return s.Foreign[a.Name]
}

// probeFunction is known to every program that calls Enter.
const probeFunction = "sandbox.probe"

// Probe makes real sandboxes to see what works here.
func Probe(ctx context.Context) Support {
	s := Support{Ability: try(ctx, nil), Foreign: map[string]Ability{}}
	if !s.OK {
		return s
	}
	for _, a := range arch.All() {
		if !a.Native() {
			s.Foreign[a.Name] = try(ctx, []string{a.Name})
		}
	}
	return s
}

func try(ctx context.Context, architectures []string) Ability {
	err := Run(ctx, Spec{Function: probeFunction, Interpreters: architectures}, nil)
	var unsupported *UnsupportedError
	switch {
	case err == nil:
		return Ability{OK: true}
	case errors.As(err, &unsupported):
		return Ability{Reason: unsupported.Reason, Fix: unsupported.Fix}
	default:
		return Ability{Reason: err.Error()}
	}
}

// probe does in the sandbox what installing packages needs first: giving a file to another user.
func probe(context.Context, json.RawMessage) (any, error) {
	const file = "/tmp/probe"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.Chown(file, wantIDs-2, wantIDs-2); err != nil {
		return nil, fmt.Errorf("giving a file to another user: %w", err)
	}
	return true, nil
}
