package storage

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseTable(t *testing.T) {
	// What sfdisk 2.38 prints.
	label, slots, err := parseTable([]byte(`{"partitiontable": {"label":"gpt", "id":"AB", "device":"/dev/vda", "unit":"sectors", "firstlba":34,
		"lastlba":20971486, "sectorsize":512, "partitions": [
		{"node":"/dev/vda1", "start":2048, "size":202752, "type":"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "uuid":"X", "name":"primary"},
		{"node":"/dev/vda12", "start":204800, "size":2048, "type":"0FC63DAF-8483-4772-8E79-3D69D8477DE4", "uuid":"Y"}]}}`))
	want := []Slot{{1, 2048, 202752, typeESP}, {12, 204800, 2048, typeLinux}}
	if err != nil || label != GPT || !reflect.DeepEqual(slots, want) {
		t.Errorf("%q %v %v", label, slots, err)
	}
	for _, bad := range []string{"", "{", `{"partitiontable":{"partitions":[{"node":"/dev/vda","start":1,"size":1}]}}`,
		`{"partitiontable":{"partitions":[{"node":"/dev/vda1","start":-1,"size":1}]}}`} {
		if _, _, err := parseTable([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestHasLabel(t *testing.T) {
	for name, c := range map[string]struct {
		at   int64
		text string
		want bool
	}{"none": {0, "", false}, "gpt": {512, "EFI PART", true}, "dos": {510, "\x55\xaa", true}} {
		path := filepath.Join(t.TempDir(), "disk")
		data := make([]byte, 4096)
		copy(data[c.at:], c.text)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := hasLabel(path, 512); err != nil || got != c.want {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

func TestSplitWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"-m bigtime=0,inobtcount=0": "-m|bigtime=0,inobtcount=0",
		`-L "a b"  -E 'x=1 y'`:      "-L|a b|-E|x=1 y",
		`-L ""`:                     "-L|",
		" \t-q ":                    "-q",
	} {
		words, err := splitWords(in)
		if got := strings.Join(words, "|"); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
	if _, err := splitWords(`-L "open`); err == nil {
		t.Error("an open quote is accepted")
	}
}

func TestOwnUUIDIsReadBack(t *testing.T) {
	p := &planner{machine: machine(t, "x86_64")}
	for _, options := range []string{"-U random", "-m uuid=X", "-i 1234"} {
		p.out.Contents = nil
		if err := p.content(Content{Mount: "/", Type: "ext4", MkfsOptions: options}); err != nil || p.out.Contents[0].UUID != "" {
			t.Errorf("%s: %v %v", options, p.out.Contents, err)
		}
	}
}

func TestLinkDevices(t *testing.T) {
	dir := t.TempDir()
	contents := []Content{
		{Device: "/dev/vda2", UUID: "u-2", Label: "boot"}, {Device: "/dev/mapper/vg-root", UUID: "u-5", Label: "a/b"}, {Device: "/dev/vda4"},
	}
	for range 2 { // udev may have made them already
		if err := linkDevices(dir, contents); err != nil {
			t.Fatal(err)
		}
	}
	for link, want := range map[string]string{"by-uuid/u-2": "../../vda2", "by-label/boot": "../../vda2", "by-uuid/u-5": "../../mapper/vg-root"} {
		if got, err := os.Readlink(filepath.Join(dir, link)); err != nil || got != want {
			t.Errorf("%s: %q %v", link, got, err)
		}
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "by-label")); len(entries) != 1 {
		t.Errorf("labels: %v", entries)
	}
}

func TestMountOrder(t *testing.T) {
	var got []string
	for _, c := range mountOrder([]Content{{Mount: "/boot/efi"}, {Mount: "swap"}, {Mount: "/boot"}, {Mount: "biosboot"}, {Mount: "/var"}, {Mount: "/"}}) {
		got = append(got, c.Mount)
	}
	if want := "/ /boot /boot/efi /var"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
