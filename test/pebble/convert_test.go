package pebble

import (
	"slices"
	"strings"
	"testing"

	"pault.ag/go/debian/dependency"
)

func TestRPMVersion(t *testing.T) {
	for _, c := range []struct{ deb, version, release string }{
		{"2.36-9+deb12u10", "2.36", "9+deb12u10"},
		{"1:9.2p1-2+deb12u6", "9.2p1", "2+deb12u6"},
		{"4.18.0+dfsg-1+deb12u1", "4.18.0+dfsg", "1+deb12u1"},
		{"2024a", "2024a", "1"},
		{"1+2.06+13+deb12u1", "1+2.06+13+deb12u1", "1"},
		{"0.7-1-rc2-3", "0.7.1.rc2", "3"},
	} {
		version, release := rpmVersion(c.deb)
		if version != c.version || release != c.release {
			t.Errorf("rpmVersion(%q) = %q, %q; want %q, %q", c.deb, version, release, c.version, c.release)
		}
	}
}

func TestRequires(t *testing.T) {
	table := nameTable{
		el:       map[string]string{"libc6": "glibc", "gawk": "gawk", "dbus": "dbus"},
		provided: map[string]bool{"default-mta": true},
		ignore:   map[string]bool{"debconf": true},
	}
	for _, c := range []struct{ depends, want string }{
		{"libc6 (>= 2.34)", "glibc"},
		{"mawk | gawk", "gawk"},             // the first that the closure has
		{"debconf (>= 0.5) | cdebconf", ""}, // ignored, with its alternatives
		{"exim4 | default-mta", "default-mta"},
		{"libc6, dbus (>= 1)", "glibc dbus"},
		{"not-there", ""},
	} {
		dep, err := dependency.Parse(c.depends)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(table.requires(control{Depends: dep.Relations}), " ")
		if got != c.want {
			t.Errorf("requires of %q: %q, want %q", c.depends, got, c.want)
		}
	}
}

func TestTidy(t *testing.T) {
	got := tidy([]string{"b", "a", "b", "self", "own", ""}, "self", []string{"own"})
	if want := []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("tidy: %v, want %v", got, want)
	}
}

func TestControl(t *testing.T) {
	var c control
	err := c.parse(strings.NewReader("Package: x\nVersion: 1:2-3\nArchitecture: all\nPre-Depends: a\nDepends: b | c (>= 1)\n" +
		"Provides: v, w (= 2)\nDescription: short\n long\n .\n more\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Package != "x" || c.Summary != "short" || c.Description != "long\n.\nmore" || len(c.Depends) != 2 || !slices.Equal(c.Provides, []string{"v", "w"}) {
		t.Errorf("control: %+v", c)
	}
}

func TestParseURIs(t *testing.T) {
	debs, err := parseURIs("'http://host/z.deb' zlib1g_1%3a1.2_amd64.deb 12 SHA256:00\nReading…\n'http://host/a.deb' apt_2_all.deb 3 SHA256:11\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []deb{{Name: "apt_2_all.deb", Size: 3, Hash: "SHA256:11"}, {Name: "zlib1g_1%3a1.2_amd64.deb", Size: 12, Hash: "SHA256:00"}}
	if !slices.Equal(debs, want) {
		t.Errorf("parseURIs: %v, want %v", debs, want)
	}
	for _, bad := range []string{"", "'u' ../../etc/x.deb 1 SHA256:0\n"} {
		if _, err := parseURIs(bad); err == nil {
			t.Errorf("parseURIs(%q) passed", bad)
		}
	}
}
