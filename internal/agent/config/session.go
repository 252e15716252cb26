package config

import (
	"context"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// desktop chooses what the system starts into: graphics when the kickstart says so or a display manager is installed, unless skipx.
func desktop(_ context.Context, t Target, c wire.Config) error {
	target := "multi-user"
	if !c.SkipX && (c.StartX || t.has("etc/systemd/system/display-manager.service")) {
		target = "graphical"
	}
	if err := t.link("/usr/lib/systemd/system/"+target+".target", "etc/systemd/system/default.target"); err != nil {
		return err
	}
	switch strings.ToUpper(c.Desktop) {
	case "":
		return nil
	case "GNOME":
		return t.write("etc/sysconfig/desktop", "PREFERRED=/usr/bin/gnome-session\nDISPLAYMANAGER=/usr/sbin/gdm\n", 0o644)
	case "KDE":
		return t.write("etc/sysconfig/desktop", "PREFERRED=/usr/bin/startkde\nDISPLAYMANAGER=/usr/bin/sddm\n", 0o644)
	}
	t.Warn("xconfig --defaultdesktop=" + c.Desktop + " is not known: GNOME and KDE are")
	return nil
}

// firstboot marks a system that is to be configured again; the service itself is switched in services.
func firstboot(_ context.Context, t Target, c wire.Config) error {
	if c.Firstboot != "reconfig" {
		return nil
	}
	return t.write("etc/reconfigSys", "", 0o644)
}
