package doctor

import (
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
)

func TestReadHost(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Host
	}{
		"debian": {"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n", Host{"Debian GNU/Linux 12 (bookworm)", true, false}},
		"ubuntu": {"ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME='Ubuntu 24.04'\n", Host{"Ubuntu 24.04", true, false}},
		"rocky":  {"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nPRETTY_NAME=\"Rocky Linux 9.6\"\n", Host{"Rocky Linux 9.6", false, true}},
		"fedora": {"ID=fedora\nPRETTY_NAME=\"Fedora Linux 42\"\n", Host{"Fedora Linux 42", false, false}},
		"empty":  {"", Host{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ReadHost(strings.NewReader(c.text)); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	debian, rocky := Host{Debian: true}, Host{}
	missing := Need{Name: "x", Required: true, Programs: []string{"no-such-program-anywhere"}, Debian: "x-deb", Rocky: "x-rpm"}
	if f := Check(t.Context(), missing, debian); f.OK || !strings.Contains(f.Fix, "apt-get install") || !strings.Contains(f.Fix, "x-deb") {
		t.Errorf("a missing program on Debian: %+v", f)
	}
	if f := Check(t.Context(), missing, rocky); f.OK || f.Fix != "dnf install x-rpm" {
		t.Errorf("a missing program on Rocky: %+v", f)
	}
	shell := Need{Name: "git", Programs: []string{"git"}, Version: []string{"--version"}}
	if f := Check(t.Context(), shell, debian); !f.OK || !version.MatchString(f.Detail) {
		t.Errorf("git: %+v", f)
	}
	broken := Need{Name: "false", Programs: []string{"false"}, Version: []string{"--version-please"}, Debian: "coreutils"}
	if f := Check(t.Context(), broken, debian); f.OK {
		t.Errorf("a program that can't say its version and fails: %+v", f)
	}
}

func TestHealthy(t *testing.T) {
	if !Healthy([]Finding{{Required: true, OK: true}, {OK: false}}) {
		t.Error("an optional need made the host unfit")
	}
	if Healthy([]Finding{{Required: true, OK: false}}) {
		t.Error("a missing required need went unseen")
	}
}

func TestForeign(t *testing.T) {
	p := arch.Package{Debian: "x-deb", Rocky: "x-rpm"}
	for host, want := range map[Host]string{
		{Debian: true}: "apt-get install --no-install-recommends x-deb", {}: "dnf install x-rpm", {EL: true}: "Enterprise Linux has no package for it; Fedora's is x-rpm",
	} {
		if got := host.Foreign(p); got != want {
			t.Errorf("%+v: %q", host, got)
		}
	}
	for _, a := range arch.All() {
		n := QEMU(a)
		if n.Debian == "" || n.Programs[0] != a.QEMU || (n.Rocky == "qemu-kvm") != a.Native() {
			t.Errorf("%s: %+v", a.Name, n)
		}
	}
}
