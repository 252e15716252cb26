package main

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// ks runs quarry ks in a folder with the files and returns exit code, output and messages.
func ks(t *testing.T, files map[string]string, args ...string) (int, string, string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out, messages strings.Builder
	code := run(append([]string{"ks"}, args...), &out, &messages)
	return code, out.String(), messages.String()
}

func TestKS(t *testing.T) {
	files := map[string]string{
		"good.ks": "lang en\n%include part.inc\n", "part.inc": "part / --size=1\n", "warn.ks": "auth --useshadow\n", "bad.ks": "bogus\npart\n",
		"ten.ks": "#version=RHEL10\nbootc --source-imgref=a\n", "ugly.ks": "lang   'en'\n",
	}
	for _, c := range []struct {
		args     string
		code     int
		out, err string // parts that must be there
	}{
		{"check good.ks", exitOK, "1 kickstart: 0 errors, 0 warnings", ""},
		{"check warn.ks", exitOK, "1 warning", "auth is deprecated"},
		{"check --strict warn.ks", exitFailed, "", "auth is deprecated"},
		{"check bad.ks", exitFailed, "2 errors", "bad.ks:1:1: error"},
		{"check .", exitFailed, "5 kickstarts", "missing <mntpoint>"},
		{"check g*.ks t*.ks", exitOK, "2 kickstarts", ""},
		{"check --version rhel9 ten.ks", exitFailed, "", "it exists in RHEL10 and later"},
		{"check --version fedora good.ks", exitUsage, "", "use rhel8, rhel9 or rhel10"},
		{"check nothing.ks", exitFailed, "", "no file, folder or match"},
		{"check", exitUsage, "", "requires at least 1 arg"},
		{"flatten good.ks", exitOK, "lang en\npart / --size=1\n", ""},
		{"flatten --canonical good.ks", exitOK, "#version=RHEL9\nlang en\npart / --size=1\n", ""},
		{"flatten bad.ks", exitFailed, "", "unknown command"},
		{"flatten .", exitUsage, "", "one is wanted"},
		{"fmt ugly.ks", exitOK, "lang en\n", ""},
		{"fmt --check ugly.ks good.ks", exitFailed, "ugly.ks\n", "1 of 2 kickstarts"},
		{"fmt --check good.ks", exitOK, "", ""},
		{"diff good.ks ugly.ks", exitFailed, "- part / --size=1\n", ""},
		{"diff ugly.ks ugly.ks", exitOK, "", ""},
		{"diff --json good.ks ugly.ks", exitFailed, `"before": "part / --size=1"`, ""},
		{"explain part", exitOK, "--ondisk", ""},
		{"explain nonsense", exitFailed, "", "lists them all"},
		{"explain", exitOK, "zipl", ""},
		{"explain --json partition", exitOK, `"--ondrive"`, ""},
		{"explain --json nonsense", exitFailed, "", "lists them all"},
		{"explain --json", exitOK, `"name": "%packages"`, ""},
		{"versions", exitOK, "RHEL10: 62 commands", ""},
		{"versions --json", exitOK, `"version": "RHEL10"`, ""},
	} {
		code, out, messages := ks(t, files, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(messages, c.err) {
			t.Errorf("ks %s: %d\n%s\n%s\nwant %d, %q, %q", c.args, code, out, messages, c.code, c.out, c.err)
		}
	}
}

func TestKSCheckJSON(t *testing.T) {
	code, out, _ := ks(t, map[string]string{"a.ks": "bogus\nauth x\n"}, "check", "--json", "a.ks")
	var all []struct {
		Path     string
		OK       bool
		Problems []struct {
			Severity string
			Position struct{ Line, Column int }
		}
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitFailed {
		t.Fatalf("%d %v\n%s", code, err, out)
	}
	if len(all) != 1 || all[0].OK || len(all[0].Problems) != 2 || all[0].Problems[0].Severity != "error" || all[0].Problems[1].Position.Line != 2 {
		t.Errorf("%+v", all)
	}
}

func TestKSFmtWritesBack(t *testing.T) {
	if code, out, messages := ks(t, map[string]string{"a.ks": "lang   en\n"}, "fmt", "-w", "a.ks"); code != exitOK || out != "" {
		t.Fatalf("%d %s %s", code, out, messages)
	}
	if data, err := os.ReadFile("a.ks"); err != nil || string(data) != "lang en\n" {
		t.Errorf("%q %v", data, err)
	}
}

func TestKSFmtKeepsModeAndLink(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.WriteFile("a.ks", []byte("rootpw   x\n"), 0o600), os.Symlink("a.ks", "link.ks")); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if code := run([]string{"ks", "fmt", "-w", "link.ks"}, &out, &out); code != exitOK {
		t.Fatalf("%d %s", code, &out)
	}
	if target, err := os.Readlink("link.ks"); err != nil || target != "a.ks" {
		t.Errorf("the link is now %q: %v", target, err)
	}
	info, err := os.Stat("a.ks")
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if data, err := os.ReadFile("a.ks"); err != nil || string(data) != "rootpw x\n" {
		t.Errorf("%q %v", data, err)
	}
}
