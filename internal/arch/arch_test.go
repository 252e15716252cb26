package arch

import (
	"strings"
	"testing"
)

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range All() {
		for column, value := range map[string]string{
			"Name": a.Name, "Debian": a.Debian, "Go": a.Go, "QEMU": a.QEMU, "User": a.User, "Machine": a.Machine, "Console": a.Console, "Bus": string(a.Bus),
			"CPU of 8": a.CPU["8"], "CPU of 9": a.CPU["9"], "CPU of 10": a.CPU["10"],
		} {
			if value == "" {
				t.Errorf("%s has no %s", a.Name, column)
			}
		}
		if len(a.Port) == 0 || !strings.Contains(strings.Join(a.Port, " "), "console") {
			t.Errorf("%s has no console: %v", a.Name, a.Port)
		}
		if !a.BIOS && a.EFI == "" {
			t.Errorf("nothing boots a disk of %s", a.Name)
		}
		if seen[a.Name] || seen[a.Go] {
			t.Errorf("%s stands twice", a.Name)
		}
		seen[a.Name], seen[a.Go] = true, true
		if got, err := Lookup(a.Name); err != nil || got.Go != a.Go {
			t.Errorf("%s is found as %+v, %v", a.Name, got, err)
		}
	}
}

func TestLookupNamesTheKnown(t *testing.T) {
	_, err := Lookup("amd64")
	if err == nil || !strings.Contains(err.Error(), "x86_64, aarch64, ppc64le, s390x") {
		t.Errorf("got %v", err)
	}
}

func TestOnlyTheHostIsNative(t *testing.T) {
	host, ok := Host()
	for _, a := range All() {
		if a.Native() != (ok && a.Name == host.Name) {
			t.Errorf("%s: native is %v", a.Name, a.Native())
		}
	}
}
