package pebble

import (
	"bytes"
	"fmt"
	"path"
	"sort"
	"strings"
)

// Scriptlets are what rpm runs with /bin/sh around a package's files. An empty one is left out.
type scriptlets struct {
	Pre, Post, Preun, Postun, Posttrans string
}

// scriptletsFor are the rule's own scriptlets and those that EL's macros would have made for the package's users and units.
func scriptletsFor(r rule, f files) scriptlets {
	s := scriptlets{Pre: addUsers(r.Users) + r.Pre, Post: r.Post, Preun: r.Preun, Postun: r.Postun, Posttrans: r.Posttrans}
	units := strings.Join(presetUnits(f), " ")
	if units != "" {
		s.Post += fmt.Sprintf("if [ $1 -eq 1 ] && [ -x /usr/bin/systemctl ]; then\n"+
			"    /usr/bin/systemctl --no-reload preset %s >/dev/null 2>&1 || :\nfi\n", units)
		s.Preun += fmt.Sprintf("if [ $1 -eq 0 ] && [ -x /usr/bin/systemctl ]; then\n"+
			"    /usr/bin/systemctl --no-reload disable --now %s >/dev/null 2>&1 || :\nfi\n", units)
		s.Postun += "if [ -d /run/systemd/system ]; then\n    /usr/bin/systemctl daemon-reload >/dev/null 2>&1 || :\nfi\n"
	}
	if f.have("/usr/share/glib-2.0/schemas/") {
		s.Posttrans += "/usr/lib/*/glib-2.0/glib-compile-schemas /usr/share/glib-2.0/schemas >/dev/null 2>&1 || :\n"
	}
	return s
}

// presetUnits are the package's units that can be enabled: they have an [Install] section.
func presetUnits(f files) []string {
	var units []string
	for p, x := range f {
		switch path.Ext(p) {
		case ".service", ".socket", ".timer", ".target", ".path", ".mount":
		default:
			continue
		}
		if path.Dir(p) == "/usr/lib/systemd/system" && x.is(typeFile) && bytes.Contains(x.Body, []byte("\n[Install]")) {
			units = append(units, path.Base(p))
		}
	}
	sort.Strings(units)
	return units
}

// addUsers is the scriptlet that makes users and groups where they are missing.
func addUsers(users []user) string {
	var b strings.Builder
	for _, u := range users {
		id := ""
		if u.UID > 0 {
			id = fmt.Sprintf("-g %d ", u.UID)
		}
		fmt.Fprintf(&b, "getent group %[1]s >/dev/null || groupadd %[2]s-r %[1]s || :\n", u.Name, id)
		if u.Group {
			continue
		}
		if u.UID > 0 {
			id = fmt.Sprintf("-u %d ", u.UID)
		}
		home := u.Home
		if home == "" {
			home = "/"
		}
		fmt.Fprintf(&b, "getent passwd %[1]s >/dev/null || useradd %[2]s-r -M -g %[1]s -d %[3]s -s /sbin/nologin -c '%[4]s' %[1]s || :\n",
			u.Name, id, home, u.Gecos)
	}
	return b.String()
}

// sysusers is the package's sysusers.d file, which tells systemd the same as addUsers does.
func sysusers(users []user) string {
	var b strings.Builder
	for _, u := range users {
		id := "-"
		if u.UID > 0 {
			id = fmt.Sprint(u.UID)
		}
		if u.Group {
			fmt.Fprintf(&b, "g %s %s\n", u.Name, id)
			continue
		}
		home := u.Home
		if home == "" {
			home = "-"
		}
		fmt.Fprintf(&b, "u %s %s %q %s\n", u.Name, id, u.Gecos, home)
	}
	return b.String()
}
