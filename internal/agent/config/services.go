package config

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// service is a decision about a unit.
type service struct {
	unit   string
	enable bool
	asked  bool // by name in the kickstart: enabling one that is missing is an error then
}

// services switches units: disables first, then enables, as Anaconda does.
func services(ctx context.Context, t Target, c wire.Config) error {
	var disable, enable []string
	for _, s := range decisions(c) {
		switch there := t.hasUnit(s.unit); {
		case there && s.enable:
			enable = append(enable, s.unit)
		case there:
			disable = append(disable, s.unit)
		case s.enable && s.asked:
			return fmt.Errorf("services --enabled=%s: the system has no such unit: add its package to %%packages or remove the name", s.unit)
		case s.asked:
			t.Log("services: " + s.unit + " is not there to be disabled")
		}
	}
	for _, call := range []struct {
		verb  string
		units []string
	}{{"disable", disable}, {"enable", enable}} {
		if len(call.units) == 0 {
			continue
		}
		if err := t.Tools.Run(ctx, append([]string{"systemctl", call.verb}, call.units...)...); err != nil {
			return err
		}
	}
	return nil
}

// decisions gathers what the commands say about services. Of two that speak about the same unit the later one counts: the services command
// over what another command implies, and in it enabling over disabling.
func decisions(c wire.Config) []service {
	var all []service
	add := func(enable, asked bool, units ...string) {
		for _, unit := range units {
			if !strings.Contains(path.Base(unit), ".") {
				unit += ".service"
			}
			all = slices.DeleteFunc(all, func(s service) bool { return s.unit == unit })
			all = append(all, service{unit, enable, asked})
		}
	}
	if c.Timezone != nil {
		add(c.Timezone.NTP, false, "chronyd")
	}
	if c.Kdump != nil {
		add(c.Kdump.Enabled, false, "kdump")
	}
	switch c.Firstboot {
	case "disable":
		add(false, false, "initial-setup")
	case "enable", "reconfig":
		add(true, false, "initial-setup")
	}
	add(false, true, c.Disable...)
	add(true, true, c.Enable...)
	return all
}

// hasUnit looks for a unit's file, or for its template's where it is an instance.
func (t Target) hasUnit(unit string) bool {
	names := []string{unit}
	if name, rest, ok := strings.Cut(unit, "@"); ok {
		names = append(names, name+"@"+path.Ext(rest))
	}
	for _, dir := range []string{"etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system"} {
		for _, name := range names {
			if t.has(path.Join(dir, path.Base(name))) {
				return true
			}
		}
	}
	return false
}
