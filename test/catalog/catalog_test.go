package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/matrix"
)

func report(t *testing.T, builds ...matrix.Result) string {
	t.Helper()
	data, err := json.Marshal(matrix.Report{Builds: builds})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRowsAccumulate follows one image: it fails, is built, is found unchanged, is interrupted, and is built again from kept steps.
func TestRowsAccumulate(t *testing.T) {
	k := keeper{filepath.Join(t.TempDir(), "rows")}
	b := matrix.Result{Name: "rocky-9-GenericArm-Minimal-aarch64", State: matrix.Failed, Error: "disk: it is full\nand more", Seconds: 7}
	b.Image, b.Variant, b.Arch = "GenericArm", "Minimal", "aarch64"
	other := matrix.Result{Name: "rocky-9-WSL-Base-x86_64", State: matrix.Refused, Error: "no shell"}
	other.Image, other.Variant = "WSL", "Base"
	step := func(want string, builds ...matrix.Result) {
		t.Helper()
		if err := k.add(t.Context(), report(t, builds...)); err != nil {
			t.Fatal(err)
		}
		rows, err := k.all()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%+v, %v", rows, err)
		}
		if got := strings.Join(rows[0].cells(), "|"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	step("GenericArm-Minimal|aarch64|||7|failed: disk: it is full|", b, other)

	built := b
	built.State, built.Error, built.Seconds = matrix.Built, "", 700
	built.Images = []matrix.File{{Path: file(t, strings.Repeat("\000", 4096)), Format: "raw", Size: 4096, Digest: "sha256:1"}}
	step("GenericArm-Minimal|aarch64|raw|4KiB|700|built|qemu-img info", built)

	unchanged := b
	unchanged.State, unchanged.Error, unchanged.Seconds = matrix.Unchanged, "", 1
	step("GenericArm-Minimal|aarch64|raw|4KiB|700|built|qemu-img info", unchanged)

	interrupted := built
	interrupted.State, interrupted.Error = matrix.Interrupted, "verify: it was stopped"
	step("GenericArm-Minimal|aarch64|raw|4KiB|700|built|qemu-img info", interrupted)

	built.Seconds = 2
	step("GenericArm-Minimal|aarch64|raw|4KiB|700|built|qemu-img info", built)

	built.Images[0].Digest = "sha256:2"
	step("GenericArm-Minimal|aarch64|raw|4KiB|2|built|qemu-img info", built)
}

// TestRefusedFileIsAnError has a program see a file that is none of its format.
func TestRefusedFileIsAnError(t *testing.T) {
	k := keeper{filepath.Join(t.TempDir(), "rows")}
	b := matrix.Result{Name: "x", State: matrix.Built, Images: []matrix.File{{Path: file(t, "no image"), Format: "qcow2", Size: 8}}}
	if err := k.add(t.Context(), report(t, b)); err == nil {
		t.Error("it was accepted")
	}
	rows, err := k.all()
	if err != nil || len(rows) != 1 || !strings.HasPrefix(rows[0].Accepted, "not by qemu-img check: ") {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestWriteInto(t *testing.T) {
	path := file(t, "# Title\n"+begin+"old\n"+end+"more\n")
	for _, text := range []string{"| a |\n", "| b |\n"} {
		if err := writeInto(path, text); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if want := "# Title\n" + begin + text + end + "more\n"; err != nil || string(data) != want {
			t.Errorf("got %q, %v", data, err)
		}
	}
	if err := writeInto(file(t, "no marks"), ""); err == nil {
		t.Error("a document without marks was written")
	}
}

// TestNarrow: a selection stays in the groups that have the right flags.
func TestNarrow(t *testing.T) {
	for only, want := range map[string]string{
		"rocky/9/EC2*": "rocky/9/EC2*/x86_64", "rocky/9/OCP-Base": "rocky/9/OCP-Base/x86_64", "rocky/9/SBC*": "rocky/9/SBC*/aarch64", "rocky/9/KDE": "",
	} {
		var got []string
		for _, g := range groups() {
			selectors, _ := options{only: []string{only}}.narrow(g)
			got = append(got, selectors...)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s gives %q, want %q", only, got, want)
		}
	}
}
