package install

import (
	"errors"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/sandbox"
)

func TestChoose(t *testing.T) {
	can, cannot := sandbox.Ability{OK: true, Way: sandbox.OwnRule, Reason: "by qemu"}, sandbox.Ability{Reason: "no subordinate ids", Fix: "usermod"}
	for _, c := range []struct {
		wish    Method
		support sandbox.Ability
		want    Method
		says    string
	}{
		{Auto, can, Sandbox, "in a sandbox on this host: by qemu"},
		{Auto, cannot, Machine, "no subordinate ids (to change that: usermod)"},
		{Sandbox, can, Sandbox, "sandbox"},
		{Machine, can, Machine, "as asked for"},
		{Machine, cannot, Machine, "as asked for"},
	} {
		got, why, err := choose(c.wish, host(t), c.support)
		if err != nil || got != c.want || !strings.Contains(why, c.says) {
			t.Errorf("%s with %+v: %s, %q, %v", c.wish, c.support, got, why, err)
		}
	}
	_, _, err := choose(Sandbox, host(t), cannot)
	var unsupported *sandbox.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Fix != "usermod" {
		t.Errorf("got %v", err)
	}
	if _, err := ParseMethod("container"); err == nil {
		t.Error("container was accepted")
	}
}
