package config

import (
	"context"
	"path"
	"regexp"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// zoneName is what a time zone may be called: it becomes a path.
var zoneName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*)*$`)

// timezone links /etc/localtime, says in /etc/adjtime how the hardware clock runs, and sets chrony's servers. A zone that
// doesn't exist becomes UTC with a warning, as in Anaconda. Whether chronyd runs is decided in services.
func timezone(_ context.Context, t Target, c wire.Config) error {
	if c.Timezone == nil {
		return nil
	}
	name := c.Timezone.Name
	if name != "" && (!zoneName.MatchString(name) || !t.has(path.Join("usr/share/zoneinfo", name))) {
		t.Warn("the system has no time zone " + name + ": UTC is used")
		name = "UTC"
	}
	if name != "" {
		if err := t.link("../usr/share/zoneinfo/"+name, "etc/localtime"); err != nil {
			return err
		}
	}
	if t.HardwareClock {
		mode := "LOCAL"
		if c.Timezone.UTC {
			mode = "UTC"
		}
		if err := t.write("etc/adjtime", "0.0 0 0.0\n0\n"+mode+"\n", 0o644); err != nil {
			return err
		}
	}
	if len(c.Timezone.Servers) == 0 || !t.has("etc/chrony.conf") {
		return nil
	}
	return t.edit("etc/chrony.conf", func(text string) (string, error) { return timeSources(text, c.Timezone.Servers), nil })
}

// timeSources replaces the sources of a chrony.conf.
func timeSources(text string, servers []string) string {
	var out []string
	for _, s := range servers {
		out = append(out, "server "+s+" iburst")
	}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "server" && word != "pool" && word != "peer" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n") + "\n"
}
