package pebble

import (
	"fmt"
	"testing"

	"github.com/quarry-project/quarry/test/golden"
)

func TestScriptlets(t *testing.T) {
	unit := func(p, body string) file { return file{Path: p, Mode: typeFile | 0o644, Body: []byte(body)} }
	all := files{}
	all.add(unit("/usr/lib/systemd/system/b.service", "[Unit]\n[Install]\nWantedBy=multi-user.target\n"))
	all.add(unit("/usr/lib/systemd/system/a.timer", "[Timer]\n\n[Install]\nWantedBy=timers.target\n"))
	all.add(unit("/usr/lib/systemd/system/static.service", "[Service]\n"))
	all.add(unit("/usr/lib/systemd/user/u.service", "\n[Install]\n"))
	r := rule{Users: []user{{Name: "chrony", UID: 70, Home: "/var/lib/chrony", Gecos: "Clock"}, {Name: "g", Group: true}},
		Post: "echo own\n", Posttrans: "ldconfig\n"}
	s := scriptletsFor(r, all)
	golden.Equal(t, "scriptlets.txt", fmt.Sprintf("pre:\n%spost:\n%spreun:\n%spostun:\n%sposttrans:\n%ssysusers:\n%s",
		s.Pre, s.Post, s.Preun, s.Postun, s.Posttrans, sysusers(r.Users)))
	if empty := scriptletsFor(rule{}, files{}); empty != (scriptlets{}) {
		t.Errorf("a package without units and users has scriptlets: %+v", empty)
	}
}
