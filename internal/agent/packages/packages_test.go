package packages

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

func TestMacros(t *testing.T) {
	const common = "%_db_backend sqlite\n%_tmppath /var/tmp\n%__plugindir /nonexistent\n%_netsharedpath /proc:/sys\n"
	for _, c := range []struct {
		spec wire.PackageSpec
		want string
	}{
		{wire.PackageSpec{Release: "9.6"}, "%_dbpath /var/lib/rpm\n" + common},
		{wire.PackageSpec{Release: "10"}, "%_dbpath /usr/lib/sysimage/rpm\n" + common},
		{wire.PackageSpec{Release: "9", ExcludeDocs: true, Languages: []string{"en", "de"}},
			"%_dbpath /var/lib/rpm\n" + common + "%_excludedocs 1\n%_install_langs en:de\n"},
		{wire.PackageSpec{Release: "9", Languages: []string{}}, "%_dbpath /var/lib/rpm\n" + common + "%_install_langs %{nil}\n"},
	} {
		if got := macros(c.spec); got != c.want {
			t.Errorf("%+v: got\n%s", c.spec, got)
		}
	}
}

func TestRequestRefusesMacros(t *testing.T) {
	for _, l := range []string{"%(touch /x)", "en de", "", "a:b"} {
		if _, err := request(Env{}, wire.PackageSpec{Languages: []string{l}}, nil); err == nil {
			t.Errorf("%q was accepted as a language", l)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"baseos": true, "rhel-9.baseos:x_1": true, "": false, "..": false, "a/b": false, ".hidden": false, "a b": false, strings.Repeat("a", 300): false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("%q: got %v", id, got)
		}
	}
}

func TestMessages(t *testing.T) {
	var events []wire.Event
	m := messages{env: Env{Report: func(e wire.Event) { events = append(events, e) }}}
	text := `{"warning":"careful"}` + "\n" + `{"done":1,"total":2,"package":"bash"}` + "\n" + `{"packages":["a 0 1 1 noarch 1"]}` + "\n"
	for _, b := range []byte(text) { // in the smallest pieces
		if _, err := m.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if len(events) != 2 || events[0].Kind != wire.EventWarning || events[1].Done != 1 || events[1].Unit != "packages" || len(m.packages) != 1 || m.err != nil {
		t.Errorf("events %+v, packages %v, error %v", events, m.packages, m.err)
	}
	m = messages{}
	if _, err := m.Write([]byte("Traceback\n{\"error\":\"no\"}\n")); err != nil || m.err == nil || m.failure != "no" {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := m.Write(make([]byte, wire.MaxLine+1)); err == nil {
		t.Error("a line without end was accepted")
	}
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte("{\"done\":1,\"total\":3}\n{\"packages\":[]}\n"))
	f.Add([]byte("{\"packages\":[1]}\nx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, pieces := messages{}, messages{}
		_, err1 := whole.Write(data)
		var err2 error
		for i := 0; i < len(data) && err2 == nil; i++ {
			_, err2 = pieces.Write(data[i : i+1])
		}
		if (err1 == nil) == (err2 == nil) && (len(whole.packages) != len(pieces.packages) || whole.failure != pieces.failure) {
			t.Errorf("%q is read differently in pieces", data)
		}
	})
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestKernelsWithoutInitramfs(t *testing.T) {
	root := t.TempDir()
	for _, v := range []string{"5.14.0-1", "5.14.0-2", "5.14.0-3"} {
		write(t, root, "usr/lib/modules/"+v+"/vmlinuz", "x")
	}
	write(t, root, "usr/lib/modules/not-a-kernel/modules.dep", "x")
	write(t, root, "boot/initramfs-5.14.0-1.img", "x")
	write(t, root, "boot/initramfs-5.14.0-2.img", "") // broken
	if err := os.Symlink("5.14.0-1", filepath.Join(root, "usr/lib/modules/alias")); err != nil {
		t.Fatal(err)
	}
	got, err := kernels(root)
	if err != nil || strings.Join(got, " ") != "5.14.0-2 5.14.0-3" {
		t.Errorf("got %v, %v", got, err)
	}
	var warned string
	env := Env{Root: root, Report: func(e wire.Event) { warned = e.Message }}
	if err := initramfs(t.Context(), env); err != nil || !strings.Contains(warned, "no dracut") {
		t.Errorf("without dracut: %v, warning %q", err, warned)
	}
}

func TestForceGenericLeavesNothing(t *testing.T) {
	root := t.TempDir()
	undo, err := forceGeneric(root)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(root, genericConf)); err != nil || !strings.Contains(string(text), `hostonly="no"`) {
		t.Errorf("got %q, %v", text, err)
	}
	if err := undo(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/dracut.conf.d")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestCleanStaysInTheRoot(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	write(t, outside, "precious", "x")
	write(t, outside, "machine-id", "x")
	for _, name := range []string{"var/cache/dnf/base/x.rpm", "var/log/dnf.log", "var/log/dnf.rpm.log.1", "var/tmp/.hidden", "tmp/x/y", "var/lib/rpm/rpmdb.sqlite"} {
		write(t, root, name, "x")
	}
	if err := os.RemoveAll(filepath.Join(root, "tmp")); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"tmp": outside, "var/tmp/link": outside, "etc/machine-id": filepath.Join(outside, "machine-id")} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := clean(root); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"precious", "machine-id"} {
		if text, err := os.ReadFile(filepath.Join(outside, name)); err != nil || string(text) != "x" {
			t.Errorf("%s outside: %q, %v", name, text, err)
		}
	}
	for _, name := range []string{"var/cache/dnf/base", "var/log/dnf.log", "var/log/dnf.rpm.log.1", "var/tmp/link", "var/tmp/.hidden"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "var/lib/rpm/rpmdb.sqlite")); err != nil {
		t.Error(err)
	}
	write(t, root, "etc/real", "x")
	if err := os.Remove(filepath.Join(root, "etc/machine-id")); err != nil {
		t.Fatal(err)
	}
	write(t, root, "etc/machine-id", "0123")
	if err := clean(root); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(root, "etc/machine-id")); err != nil || len(text) != 0 {
		t.Errorf("machine-id holds %q, %v", text, err)
	}
}
