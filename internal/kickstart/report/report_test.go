package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/kickstart"
)

func check(t *testing.T, text string) Checked {
	t.Helper()
	file, err := kickstart.Parse("dir/a.ks", strings.NewReader(text), kickstart.Options{Version: kickstart.RHEL9})
	checked, err := Check("root/dir/a.ks", "root", file, err)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

func TestText(t *testing.T) {
	bad := check(t, "lang en\n\tpart /\t--sise=1\x1b[2J\ntimezone --isUtc UTC\n")
	var out strings.Builder
	sum, err := Text(&out, []Checked{bad, bad})
	if err != nil || sum != (Summary{2, 1, 1}) || sum.String() != "2 kickstarts: 1 error, 1 warning" {
		t.Errorf("%v %v", sum, err)
	}
	want := "root/dir/a.ks:2:9: error: part has no option --sise in RHEL9\n" +
		"    2 | \tpart /\t--sise=1\ufffd[2J\n" +
		"      | \t      \t^\n" +
		"      = did you mean --size?\n" +
		"root/dir/a.ks:3:10: warning: option --isUtc is deprecated\n" +
		"    3 | timezone --isUtc UTC\n" +
		"      |          ^\n" +
		"      = use --utc\n"
	if out.String() != want {
		t.Errorf("%s\nwant:\n%s", &out, want)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	var out strings.Builder
	if _, err := Text(&out, []Checked{check(t, "part / "+strings.Repeat("--grow ", 100)+"--bogus "+strings.Repeat("x", 10_000)+"\n")}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if column := strings.Index(lines[2], "^"); len(lines[1]) > 300 || !strings.HasPrefix(lines[1][column:], "--bogus") {
		t.Errorf("the caret isn't below the word:\n%s", &out)
	}
}

func TestDiff(t *testing.T) {
	before, after := "%post\n1\n2\n3\n4\n5\n6\n7\n8\n9\n%end\n", "%post\n1\n2\n3\n4\n5\n6\n7\n8\nnine\n%end\n"
	var out strings.Builder
	err := Diff(&out, []kickstart.Change{{What: "command", Before: "lang en", After: "lang cs"}, {What: "package", After: "vim"}, {What: "script", Before: before, After: after}})
	want := "- lang en\n+ lang cs\n+ vim\n  %post\n  … 5 lines\n  6\n  7\n  8\n- 9\n+ nine\n  %end\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant:\n%s", err, &out, want)
	}
}

func TestExplain(t *testing.T) {
	for name, want := range map[string]string{
		"partition": "--ondisk, --ondrive", "%packages": "--exclude-weakdeps", "packages": "RHEL9 and later", "nvdimm": "RHEL10 (removed)",
		"rootpw": "--allow-ssh", "bootloader": "one of mbr, partition, none, boot", "timesource": "RHEL8 (absent)",
	} {
		var out strings.Builder
		known, err := Explain(&out, name)
		if !known || err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v %v\n%s\nlacks %q", name, known, err, &out, want)
		}
	}
	if known, err := Explain(&strings.Builder{}, "nonsense"); known || err != nil {
		t.Errorf("nonsense is known: %v", err)
	}
	var names, versions strings.Builder
	if err := Names(&names); err != nil || strings.Count(names.String(), "\n") < 70 {
		t.Errorf("%v\n%s", err, &names)
	}
	if err := Versions(&versions); err != nil || !strings.Contains(versions.String(), "RHEL8: 65 commands") {
		t.Errorf("%v\n%s", err, &versions)
	}
}

func TestCatalog(t *testing.T) {
	for name, want := range map[string]string{
		"partition": `"name":"part","aliases":["partition"]`, "nvdimm": `"RHEL10":"removed"`, "timesource": `"RHEL8":"absent"`,
		"rootpw": `"kind":"words","required":true,"secret":true`, "packages": `"names":["--inst-langs"],"kind":"text","since":"RHEL9"`,
		"traceback": `"versions":{"RHEL10":"deprecated","RHEL8":"supported","RHEL9":"deprecated"},"arguments":[],"options":[{`,
		"text":      `"RHEL8":"supported"`, "zerombr": `"arguments":[],"options":[]`,
	} {
		found := Find(name)
		got, err := json.Marshal(found)
		if len(found) != 1 || err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %d %v\n%s\nlacks %s", name, len(found), err, got, want)
		}
	}
	if found := Find("nonsense"); len(found) != 0 {
		t.Errorf("nonsense is %v", found)
	}
}

func TestReleases(t *testing.T) {
	all := Releases()
	if len(all) != 3 || all[2].Version != kickstart.RHEL10 || len(all[0].Commands) != 65 || len(all[0].Removed) != 0 {
		t.Fatalf("%+v", all)
	}
	if got, err := json.Marshal(all[2].Deprecated); err != nil || string(got) != `["module","vnc"]` {
		t.Errorf("%s %v", got, err)
	}
	if got, err := json.Marshal(all[0].Removed); err != nil || string(got) != "[]" {
		t.Errorf("%s %v", got, err)
	}
}
