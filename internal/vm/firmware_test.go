package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/test/shared"
)

func TestFindFlash(t *testing.T) {
	for _, a := range arch.All() {
		flash, err := FindFlash(a)
		switch _, ok := a.Has(arch.UEFI); {
		case !ok:
			if err == nil {
				t.Errorf("%s has no UEFI and firmware for it", a.Name)
			}
		case err != nil:
			if !strings.Contains(err.Error(), "install ") {
				t.Errorf("the error does not help: %v", err)
			}
		default:
			if !readable(flash.Code) || !readable(flash.Vars) {
				t.Errorf("%+v is not there", flash)
			}
		}
	}
}

// A guest that writes its boot entries must not write them for every other machine of the host.
func TestUEFIMachinesHaveVariablesOfTheirOwn(t *testing.T) {
	a := lookup(t, "x86_64")
	flash, err := FindFlash(a)
	if err != nil {
		shared.Missing(t, "%v", err)
	}
	m := boot(a, arch.UEFI)
	m.Dir = t.TempDir()
	m.Drives = []Drive{{Path: filepath.Join(m.Dir, "disk.raw"), Format: "raw"}}
	sparse(t, m.Drives[0].Path, 1<<20)
	m, err = prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(flash.Vars)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(m.Vars)
	if err != nil || filepath.Dir(m.Vars) != m.Dir || string(got) != string(want) || m.Code != flash.Code {
		t.Errorf("the machine uses %s and %s, %v", m.Code, m.Vars, err)
	}
}
