package config

import (
	"context"
	"fmt"
	"slices"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// firewall runs firewall-offline-cmd. A firewall that is asked for and can't be had is an error; one that is asked to be off and
// isn't there is off.
func firewall(ctx context.Context, t Target, c wire.Config) error {
	f := c.Firewall
	if f == nil || f.Defaults {
		return nil
	}
	if !t.Tools.Has("firewall-offline-cmd") {
		if f.Enabled {
			return fmt.Errorf("the kickstart enables the firewall and the system has no firewall-offline-cmd: add firewalld to %%packages")
		}
		t.Log("firewall: firewalld is not installed, so there is nothing to switch off")
		return nil
	}
	return t.Tools.Run(ctx, firewallArgs(*f)...)
}

// firewallArgs is the call for f. SSH stays open unless the kickstart closes it, as in Anaconda.
func firewallArgs(f wire.Firewall) []string {
	args := []string{"firewall-offline-cmd", "--enabled"}
	if !f.Enabled {
		args[1] = "--disabled"
	}
	if !slices.Contains(f.Remove, "ssh") && !slices.Contains(f.Services, "ssh") && !slices.Contains(f.Ports, "22:tcp") {
		args = append(args, "--service=ssh")
	}
	for _, option := range []struct {
		name   string
		values []string
	}{{"trust", f.Trusts}, {"port", f.Ports}, {"remove-service", f.Remove}, {"service", f.Services}} {
		for _, v := range option.values {
			args = append(args, "--"+option.name+"="+v)
		}
	}
	return args
}
