package verify

import (
	"strings"
	"testing"
	"time"
)

const consoleOfHealthy = "[\x1b[0;32m  OK  \x1b[0m] Started getty@tty1.service\n\nRocky Linux 9.6 (Blue Onyx)\nKernel 5.14 on an x86_64\n\nlocalhost login: \n[   12.3] random: crng init done"

func consoleOptions(t *testing.T) Options {
	o := testOptions(t)
	o.Method, o.Grow, o.Login = Console, 0, 200*time.Millisecond
	return o
}

func TestConsole(t *testing.T) {
	g := healthy(t)
	g.dead, g.prints = true, consoleOfHealthy
	r, err := verified(t, g, testImage(t), consoleOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Passed || len(r.Boots) != 2 {
		t.Fatalf("%+v: %v", r, r.Failures())
	}
	for _, b := range r.Boots {
		var names []string
		for _, c := range b.Checks {
			names = append(names, c.Name)
		}
		if strings.Join(names, " ") != "console units shutdown" || b.Method != Console || b.NotSeen == "" || b.Firmware == "" {
			t.Errorf("%+v", b)
		}
		if m := g.started(b.Firmware); len(m.Drives) != 1 || m.SSH != 0 {
			t.Errorf("it was given a way in: %+v", m)
		}
	}
	if len(g.commands) != 0 {
		t.Errorf("somebody logged in: %v", g.commands)
	}
}

func TestConsoleFails(t *testing.T) {
	for name, c := range map[string]struct{ prints, want string }{
		"no prompt": {"Welcome to Rocky Linux\nlogin: is what it says in the middle of a line", "no login prompt on the console"},
		"a unit": {"[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mkdump.service\x1b[0m - Crash recovery.\n" + consoleOfHealthy,
			"units: Failed to start kdump.service - Crash recovery."},
	} {
		t.Run(name, func(t *testing.T) {
			g := healthy(t)
			g.dead, g.prints = true, c.prints
			r, err := verified(t, g, testImage(t), consoleOptions(t))
			if err != nil {
				t.Fatal(err)
			}
			if f := strings.Join(r.Failures(), "\n"); r.Passed || !strings.Contains(f, c.want) {
				t.Errorf("got %q; want %q", f, c.want)
			}
		})
	}
}
