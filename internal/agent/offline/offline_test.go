package offline

import (
	"os"
	"strings"
	"testing"
)

func TestSetAside(t *testing.T) {
	for _, text := range []string{
		"", "[main]\ngpgcheck=1\n", "[main]\ngpgcheck=1\nreposdir = /srv/repos\ncachedir=/srv/cache\n\n[other]\nx=1\n", "gpgcheck=1", "# note\n[main]",
	} {
		aside := setAside(text)
		active := map[string]string{}
		for line := range strings.Lines(aside) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
				active[strings.TrimSpace(key)] = strings.TrimSpace(value)
			}
		}
		if active["reposdir"] != "/"+repos || active["cachedir"] != "/"+cache || !strings.Contains(aside, "[main]") {
			t.Errorf("%q becomes %q", text, aside)
		}
		if got := giveBack(aside); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
}

// What a script changes in dnf.conf meanwhile stays changed.
func TestScriptsKeepTheirChanges(t *testing.T) {
	aside := setAside("[main]\ngpgcheck=1\nreposdir=/srv\n")
	changed := strings.ReplaceAll(aside, "gpgcheck=1", "gpgcheck=0") + "fastestmirror=1\n"
	if got, want := giveBack(changed), "[main]\ngpgcheck=0\nreposdir=/srv\nfastestmirror=1\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzSetAside(f *testing.F) {
	f.Add("[main]\ncachedir=x\n")
	f.Add("\n\n[main]\n[main]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "# quarry: ") || strings.Contains(text, "=/dev/quarry/") || strings.Contains(text, "=/"+repos) {
			t.Skip("the marks are ours")
		}
		if got := giveBack(setAside(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}

// fixture is a system with a payload of two repositories, without the mount.
func fixture(t *testing.T) *os.Root {
	t.Helper()
	system, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = system.Close() })
	for _, dir := range []string{Payload + "/baseos", Payload + "/appstream", repos, "etc/dnf", yumDir} {
		if err := system.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{config: "[main]\ngpgcheck=1\n", yumDir + "/rocky.repo": "[baseos]\nenabled=1\n", yumDir + "/old.repo": "[old]\n"} {
		if err := system.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return system
}

func read(t *testing.T, system *os.Root, name string) string {
	t.Helper()
	b, err := system.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRepositoriesAreAsTheKickstartLeftThem(t *testing.T) {
	system := fixture(t)
	if err := point(system); err != nil {
		t.Fatal(err)
	}
	ours := read(t, system, repos+"/"+ownFile)
	for _, want := range []string{"[baseos]\n", "[appstream]\n", "baseurl=file:///dev/quarry/payload/baseos\n"} {
		if !strings.Contains(ours, want) {
			t.Errorf("our repository file lacks %q:\n%s", want, ours)
		}
	}
	// A script changes one file, removes one, writes one, and has dnf add one.
	for name, text := range map[string]string{yumDir + "/rocky.repo": "[baseos]\nenabled=0\n", yumDir + "/new.repo": "[new]\n", repos + "/added.repo": "[added]\n"} {
		if err := system.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := system.Remove(yumDir + "/old.repo"); err != nil {
		t.Fatal(err)
	}
	if err := restore(system); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		yumDir + "/rocky.repo": "[baseos]\nenabled=0\n", yumDir + "/new.repo": "[new]\n", yumDir + "/added.repo": "[added]\n", config: "[main]\ngpgcheck=1\n",
	} {
		if got := read(t, system, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{yumDir + "/old.repo", yumDir + "/" + ownFile} {
		if _, err := system.Stat(name); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}

func TestWithoutDNF(t *testing.T) {
	system := fixture(t)
	if err := system.Remove(config); err != nil {
		t.Fatal(err)
	}
	if err := point(system); err != nil {
		t.Error(err)
	}
	if err := restore(system); err != nil {
		t.Error(err)
	}
	if _, err := system.Stat(config); err == nil {
		t.Error("a dnf.conf was made")
	}
}
