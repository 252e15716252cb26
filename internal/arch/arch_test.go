package arch

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range All() {
		for column, value := range map[string]string{
			"Name": a.Name, "Debian": a.Debian, "Go": a.Go, "QEMU": a.QEMU, "User": a.User, "Machine": a.Machine, "Console": a.Console, "Bus": string(a.Bus),
			"CPU of 10": a.CPU["10"], "Emulator": a.Emulator.Debian + a.Emulator.Rocky, "UserEmulator": a.UserEmulator.Debian + a.UserEmulator.Rocky,
		} {
			if value == "" {
				t.Errorf("%s has no %s", a.Name, column)
			}
		}
		if len(a.Port) == 0 || !strings.Contains(strings.Join(a.Port, " "), "console") {
			t.Errorf("%s has no console: %v", a.Name, a.Port)
		}
		if len(a.Firmware) == 0 {
			t.Errorf("nothing boots a disk of %s", a.Name)
		}
		for _, f := range a.Firmware {
			if f.Kind == "" || len(f.Loader) == 0 {
				t.Errorf("%s: firmware %q starts the boot loader of %v", a.Name, f.Kind, f.Loader)
			}
			if onHost := f.Host != (Package{}); onHost != (len(f.Flash) > 0) || onHost != (f.Kind == UEFI) {
				t.Errorf("%s: firmware %s is of package %v at %v: that is UEFI's to say, and only its", a.Name, f.Kind, f.Host, f.Flash)
			}
		}
		if _, ok := a.Has(UEFI); ok != (a.EFI != "") {
			t.Errorf("%s: UEFI is %v, its programs end in %q", a.Name, ok, a.EFI)
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
	if err == nil || !strings.Contains(err.Error(), "x86_64, aarch64, ppc64le, s390x, riscv64") {
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

func TestOwnFirmware(t *testing.T) {
	for name, want := range map[string]Kind{"x86_64": BIOS, "aarch64": "", "ppc64le": SLOF, "s390x": IPL, "riscv64": ""} {
		a, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if own, ok := a.Own(); own.Kind != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", name, own.Kind, ok)
		}
	}
}

// The values are those that qemu's own binfmt rules have.
func TestMagic(t *testing.T) {
	for name, want := range map[string]string{
		"x86_64":  "7f454c4602010100000000000000000002003e00",
		"aarch64": "7f454c460201010000000000000000000200b700",
		"ppc64le": "7f454c4602010100000000000000000002001500",
		"riscv64": "7f454c460201010000000000000000000200f300",
		"s390x":   "7f454c4602020100000000000000000000020016",
	} {
		a, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		value, mask := a.ELF.Magic()
		wantMask := "ffffffffffffff00fffffffffffffffffeffffff"
		if name == "s390x" {
			wantMask = "ffffffffffffff00fffffffffffffffffffeffff"
		}
		if hex.EncodeToString(value) != want || hex.EncodeToString(mask) != wantMask {
			t.Errorf("%s: got %x, %x; want %s, %s", name, value, mask, want, wantMask)
		}
	}
}

// Machines are handed to helper programs as JSON, with their architecture.
func TestArchitecturesAreJSON(t *testing.T) {
	for _, a := range All() {
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var got Arch
		if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%s comes back as %+v, %v", a.Name, got, err)
		}
	}
}
