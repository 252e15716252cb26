package config

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// selinux sets the mode in /etc/selinux/config; files get their labels at the end of the installation.
func selinux(_ context.Context, t Target, c wire.Config) error {
	const file = "etc/selinux/config"
	switch {
	case c.SELinux == "":
		return nil
	case !t.has(file):
		t.Log("selinux: the system has no /etc/selinux/config, so there is nothing to set")
		return nil
	}
	return t.edit(file, func(text string) (string, error) { return setting(text, "SELINUX", c.SELinux), nil })
}

// authentication runs authselect, or EL8's authconfig for the auth command. Both fail where the tool is missing, as in Anaconda;
// an auth that only asks for what every Enterprise Linux has (shadow passwords, SHA-512) doesn't need it.
func authentication(ctx context.Context, t Target, c wire.Config) error {
	if len(c.AuthSelect) > 0 {
		if !t.Tools.Has("authselect") {
			return fmt.Errorf("the kickstart asks for authselect %s and the system has no authselect: add it to %%packages", strings.Join(c.AuthSelect, " "))
		}
		return t.Tools.Run(ctx, append([]string{"authselect"}, c.AuthSelect...)...)
	}
	if len(c.Auth) == 0 {
		return nil
	}
	if t.Tools.Has("authconfig") {
		return t.Tools.Run(ctx, append([]string{"authconfig", "--update", "--nostart"}, c.Auth...)...)
	}
	beyond := slices.DeleteFunc(slices.Clone(c.Auth), func(arg string) bool {
		return slices.Contains([]string{"--enableshadow", "--useshadow", "--passalgo=sha512"}, arg)
	})
	if len(beyond) > 0 {
		return fmt.Errorf("auth %s needs authconfig: add authselect-compat to %%packages", strings.Join(beyond, " "))
	}
	t.Log("auth: shadow passwords with SHA-512 are what the system has anyway")
	return nil
}
