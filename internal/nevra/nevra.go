// Package nevra holds the name of an RPM: name, epoch, version, release and architecture. It compares nothing and asks no
// database; ordering versions is dnf's and rpm's work.
package nevra

import (
	"fmt"
	"strings"
)

// NEVRA is the full name of an RPM, as rpm's %{NAME}, %{EPOCH}, %{VERSION}, %{RELEASE} and %{ARCH}.
type NEVRA struct {
	Name    string `json:"name" yaml:"name"`
	Epoch   string `json:"epoch" yaml:"epoch"` // "0" where the package sets none
	Version string `json:"version" yaml:"version"`
	Release string `json:"release" yaml:"release"`
	Arch    string `json:"arch" yaml:"arch"`
}

// String returns NAME-EPOCH:VERSION-RELEASE.ARCH, with the epoch left out where it is 0, as dnf prints it.
func (n NEVRA) String() string {
	epoch := ""
	if n.Epoch != "" && n.Epoch != "0" {
		epoch = n.Epoch + ":"
	}
	return fmt.Sprintf("%s-%s%s-%s.%s", n.Name, epoch, n.Version, n.Release, n.Arch)
}

// Parse reads what String writes, and a ".rpm" behind it.
func Parse(s string) (NEVRA, error) {
	fail := func() (NEVRA, error) {
		return NEVRA{}, fmt.Errorf("%q is not a package name of the form NAME-[EPOCH:]VERSION-RELEASE.ARCH", s)
	}
	rest := strings.TrimSuffix(s, ".rpm")
	cut := func(sep string) (string, bool) {
		i := strings.LastIndex(rest, sep)
		if i <= 0 || i == len(rest)-1 {
			return "", false
		}
		part := rest[i+1:]
		rest = rest[:i]
		return part, true
	}
	arch, ok1 := cut(".")
	release, ok2 := cut("-")
	version, ok3 := cut("-")
	if !ok1 || !ok2 || !ok3 || arch == "rpm" || strings.ContainsAny(s, "/ \t\n") {
		return fail()
	}
	epoch := "0"
	if e, v, ok := strings.Cut(version, ":"); ok {
		if e == "" || v == "" || strings.Trim(e, "0123456789") != "" || strings.Contains(v, ":") {
			return fail()
		}
		epoch, version = e, v
	}
	return NEVRA{Name: rest, Epoch: epoch, Version: version, Release: release, Arch: arch}, nil
}
