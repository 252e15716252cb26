package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/test/timings"
)

func TestSelectors(t *testing.T) {
	all, err := selectors("rocky/9/XFCE,pebble/9/Live/aarch64")
	if err != nil || len(all) != 2 || all[0].String() != "rocky/9/XFCE/x86_64" || all[1].String() != "pebble/9/Live/aarch64" {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := selectors("XFCE"); err == nil {
		t.Error("an image without its release was taken")
	}
	if _, err := selectors(images); err != nil {
		t.Error(err)
	}
}

func TestSaw(t *testing.T) {
	got := saw(timings.Boot{
		Firmware: "uefi", Medium: "usb", Entry: "first", Seconds: 61.4, Users: []string{"liveuser"}, NotSeen: "packages",
		Checks: []timings.Check{{Name: "session", Passed: true}, {Name: "picture"}}, Error: "no shutdown",
	})
	want := "boot uefi usb first: FAILED in 61 s; checks: session, not picture; logged in: liveuser; not seen: packages; error: no shutdown"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := saw(timings.Boot{Firmware: "bios", Passed: true}); !strings.HasSuffix(got, "boot bios: passed in 0 s") {
		t.Error(got)
	}
}

// Boots have pictures of the same name; all are kept.
func TestAboutKeepsEveryPicture(t *testing.T) {
	logs, dir := t.TempDir(), t.TempDir()
	var boots []timings.Boot
	for _, boot := range []string{"bios-cd", "uefi-usb"} {
		file := filepath.Join(boot, "menu.png")
		path := filepath.Join(logs, "verify-iso", file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(boot), 0o644)); err != nil {
			t.Fatal(err)
		}
		boots = append(boots, timings.Boot{Screenshots: []timings.Screenshot{{File: file}}})
	}
	s := selector{"rocky", "9", "XFCE", "x86_64"}
	if _, err := (options{dir: dir}).about(t.Context(), s, timings.Result{Logs: logs, Reports: []timings.Report{{Boots: boots}}}); err != nil {
		t.Fatal(err)
	}
	for _, boot := range []string{"bios-cd", "uefi-usb"} {
		text, err := os.ReadFile(filepath.Join(dir, "screens", "rocky-9-XFCE-x86_64-"+boot+"-menu.png"))
		if err != nil || string(text) != boot {
			t.Errorf("%s: %q, %v", boot, text, err)
		}
	}
}
