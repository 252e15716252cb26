package builders

import (
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/nevra"
	"github.com/quarry-project/quarry/internal/resolve"
)

func TestCheckPinned(t *testing.T) {
	pkg := func(name string) nevra.NEVRA {
		return nevra.NEVRA{Name: name, Epoch: "0", Version: "1", Release: "2", Arch: "noarch"}
	}
	lock := resolve.Lock{
		Packages:  []resolve.Package{{NEVRA: pkg("bash")}, {NEVRA: pkg("firewalld")}},
		Available: []resolve.Package{{NEVRA: pkg("grub2-pc")}},
	}
	installed := func(names ...string) (all []artifact.Package) {
		for _, n := range names {
			all = append(all, artifact.Package{NEVRA: pkg(n)})
		}
		return all
	}
	// Scripts may remove packages, install what was at hand, and import keys.
	if err := CheckPinned(lock, installed("bash", "grub2-pc", "gpg-pubkey")); err != nil {
		t.Error(err)
	}
	err := CheckPinned(lock, installed("bash", "stranger"))
	if err == nil || !strings.Contains(err.Error(), "stranger-1-2.noarch") || strings.Contains(err.Error(), "bash") {
		t.Errorf("got %v; want an error about stranger alone", err)
	}
}
