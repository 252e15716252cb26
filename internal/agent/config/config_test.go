package config

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/test/golden"
)

// tools records what would be run. It has every program but the missing ones.
type tools struct {
	missing []string
	calls   []string
	fed     []string
	output  string
}

func (r *tools) Has(name string) bool { return !slices.Contains(r.missing, name) }

func (r *tools) Run(ctx context.Context, args ...string) error { return r.Feed(ctx, "", args...) }

func (r *tools) Feed(_ context.Context, stdin string, args ...string) error {
	r.calls = append(r.calls, strings.Join(args, " "))
	if stdin != "" {
		r.fed = append(r.fed, stdin)
	}
	return nil
}

func (r *tools) Output(ctx context.Context, args ...string) ([]byte, error) {
	return []byte(r.output), r.Feed(ctx, "", args...)
}

// system is a small installed system.
type system struct {
	Target
	dir   string
	tools *tools
	said  []string
}

func newSystem(t *testing.T, release string) *system {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/passwd":                             "root:x:0:0:root:/root:/bin/bash\nguest:x:1000:1000::/home/guest:/bin/bash\n",
		"etc/group":                              "root:x:0:\nwheel:x:10:\nguest:x:1000:\n",
		"etc/shadow":                             "root:*:19000:0:99999:7:::\nguest:!!:19000:0:99999:7:::\nnewbie:!!:19000:0:99999:7:::\n",
		"etc/selinux/config":                     "# modes\nSELINUX=enforcing\nSELINUXTYPE=targeted\n",
		"etc/chrony.conf":                        "pool 2.pool.ntp.org iburst\ndriftfile /var/lib/chrony/drift\n",
		"usr/share/zoneinfo/UTC":                 "TZif2",
		"usr/share/zoneinfo/Europe/Prague":       "TZif2",
		"usr/lib/systemd/system/chronyd.service": "[Unit]\n",
		"usr/lib/systemd/system/sshd.service":    "[Unit]\n",
		"usr/lib/systemd/system/getty@.service":  "[Unit]\n",
		"usr/share/systemd/kbd-model-map":        "# comment\nus us pc105+inet - terminate:ctrl_alt_bksp\ncz-qwerty cz pc105 qwerty grp:shift\n",
		"usr/lib/locale/cs_CZ.utf8/LC_CTYPE":     "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "etc/shadow"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	s := &system{dir: dir, tools: &tools{}}
	say := func(line string) { s.said = append(s.said, line) }
	s.Target = Target{Root: root, Tools: s.tools, Release: release, HardwareClock: true, Log: say, Warn: func(l string) { say("warning: " + l) }}
	return s
}

// changed is every file that differs from a new system, and what was run and said.
func (s *system) changed(t *testing.T, fresh *system) string {
	t.Helper()
	var b strings.Builder
	err := fs.WalkDir(s.Root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := s.Root.Lstat(name)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err := s.Root.Readlink(name)
			fmt.Fprintf(&b, "== /%s -> %s\n", name, to)
			return err
		}
		text, err := s.Root.ReadFile(name)
		if before, beforeErr := fresh.Root.ReadFile(name); beforeErr == nil && string(before) == string(text) {
			return err
		}
		fmt.Fprintf(&b, "== /%s %04o\n%s", name, info.Mode().Perm(), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.tools.calls {
		fmt.Fprintf(&b, "$ %s\n", c)
	}
	for _, l := range s.said {
		fmt.Fprintf(&b, "> %s\n", l)
	}
	return b.String()
}

func number(n int) *int { return &n }

func TestApply(t *testing.T) {
	everything := wire.Config{
		Lang: "cs_CZ", Keymap: "cz-qwerty", SELinux: "permissive", AuthSelect: []string{"select", "sssd", "--force"},
		Timezone: &wire.Timezone{Name: "Europe/Prague", UTC: true, NTP: true, Servers: []string{"ntp.example.org"}},
		Root:     &wire.Password{Value: "$6$salt$hash", Crypted: true, AllowSSH: true},
		Groups:   []wire.Group{{Name: "admins", GID: number(900)}, {Name: "wheel"}},
		Users: []wire.User{{
			Name: "newbie", GECOS: "New One", Home: "/home/n", Shell: "/bin/sh", Groups: []string{"wheel", "ops(1234)"}, UID: number(1500), GID: number(1600),
			Password: wire.Password{Value: "plain secret", Locked: true},
		}},
		Networks: []wire.Network{
			{Device: "link", BootProto: "dhcp", OnBoot: true},
			{Device: "eth1", BootProto: "static", IP: "192.0.2.7", Netmask: "255.255.255.0", Gateway: "192.0.2.1", Nameservers: []string{"192.0.2.53", "2001:db8::53"},
				IPv6: "2001:db8::7/64", MTU: 9000, OnBoot: true},
			{Device: "52:54:00:12:34:56", BootProto: "dhcp", NoIPv6: true},
			{Hostname: "pebble.example.org"},
		},
		Firewall: &wire.Firewall{Enabled: true, Ports: []string{"8080:tcp"}, Trusts: []string{"eth1"}, Remove: []string{"dhcpv6-client"}, Services: []string{"http"}},
		Enable:   []string{"sshd", "getty@ttyS0"}, Disable: []string{"kdump", "chronyd"},
		Firstboot: "reconfig", StartX: true, Desktop: "GNOME", Kdump: &wire.Kdump{Enabled: true, Reserve: "auto"},
		Repos:     []wire.Repo{{ID: "epel", BaseURL: "https://example.org/epel/$basearch/", Cost: 200, Exclude: []string{"kernel", "WALinuxAgent"}}},
		RPMMacros: []string{"%_excludedocs 1", "%_install_langs en_US:cs_CZ"},
	}
	cloud := wire.Config{
		Lang: "en_US.UTF-8", Keymap: "us", SELinux: "enforcing", Auth: []string{"--enableshadow", "--passalgo=sha512"},
		Timezone: &wire.Timezone{Name: "UTC", UTC: true, NTP: true}, Firstboot: "disable",
		Root:     &wire.Password{Value: "thereisnopasswordanditslocked", Crypted: true},
		Networks: []wire.Network{{Device: "link", BootProto: "dhcp", OnBoot: true}},
		Firewall: &wire.Firewall{Enabled: true, Services: []string{"ssh"}},
		Enable:   []string{"sshd", "chronyd"}, Disable: []string{"kdump", "rhsmcertd"},
	}
	for _, c := range []struct {
		name, release string
		config        wire.Config
	}{{"cloud", "9", cloud}, {"everything", "9", everything}, {"everything-8", "8", everything}, {"nothing", "9", wire.Config{}}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSystem(t, c.release)
			if err := Apply(t.Context(), s.Target, c.config); err != nil {
				t.Fatal(err)
			}
			got := s.changed(t, newSystem(t, c.release))
			golden.Equal(t, c.name+".txt", got)
			if strings.Contains(got, "plain secret") {
				t.Error("the password is on a command line or in a file")
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		missing string
		config  wire.Config
		want    string
	}{
		{"a missing service", "", wire.Config{Enable: []string{"rngd"}}, "rngd.service"},
		{"authselect", "authselect", wire.Config{AuthSelect: []string{"select", "sssd"}}, "add it to %packages"},
		{"authconfig", "authconfig", wire.Config{Auth: []string{"--enableldap"}}, "authselect-compat"},
		{"firewall", "firewall-offline-cmd", wire.Config{Firewall: &wire.Firewall{Enabled: true}}, "add firewalld"},
		{"a device", "", wire.Config{Networks: []wire.Network{{Device: "../../x"}}}, "no name of a network device"},
		{"a netmask", "", wire.Config{Networks: []wire.Network{{Device: "eth0", IP: "192.0.2.1", Netmask: "255.0.255.0"}}}, "255.0.255.0"},
		{"a repository", "", wire.Config{Repos: []wire.Repo{{ID: "../x"}}}, "no id"},
		{"a user", "", wire.Config{Users: []wire.User{{Name: "-x"}}}, "no name of a user"},
		{"a group", "", wire.Config{Groups: []wire.Group{{Name: "a:b"}}}, "no name of a group"},
		{"a password", "", wire.Config{Root: &wire.Password{Value: "a\nb", Crypted: true}}, "newline"},
		{"a key's user", "", wire.Config{SSHKeys: []wire.SSHKey{{User: "nobody-here", Key: "k"}}}, "no such user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSystem(t, "9")
			s.tools.missing = []string{c.missing, "authconfig"}
			err := Apply(t.Context(), s.Target, c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	s := newSystem(t, "9")
	s.tools.missing = []string{"firewall-offline-cmd", "authconfig"}
	err := Apply(t.Context(), s.Target, wire.Config{
		Firewall: &wire.Firewall{}, Timezone: &wire.Timezone{Name: "../../etc/passwd"}, Desktop: "CDE",
		Auth: []string{"--enableshadow"}, Disable: []string{"ghost"}, Lang: "tlh_KL.UTF-8",
	})
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(s.said, "\n")
	for _, want := range []string{"firewalld is not installed", "no time zone ../../etc/passwd", "CDE is not known", "shadow passwords", "ghost.service is not there", "no locale tlh_KL.UTF-8"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q in\n%s", want, said)
		}
	}
	if to, err := s.Root.Readlink("etc/localtime"); err != nil || to != "../usr/share/zoneinfo/UTC" {
		t.Errorf("localtime: %q %v", to, err)
	}
	if got, _ := s.Root.ReadFile("etc/locale.conf"); string(got) != "LANG=\"C.UTF-8\"\n" {
		t.Errorf("locale.conf: %s", got)
	}
}

func TestSSHKeys(t *testing.T) {
	s := newSystem(t, "9")
	// Files can be given to oneself only, unless one is root.
	passwd := fmt.Sprintf("guest:x:%d:%d::/home/guest:/bin/bash\n", os.Geteuid(), os.Getegid())
	if err := s.Root.WriteFile("etc/passwd", []byte(passwd), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two\n"} {
		if err := s.sshKey(wire.SSHKey{User: "guest", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Root.ReadFile("home/guest/.ssh/authorized_keys")
	if err != nil || string(got) != "ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n" {
		t.Errorf("%q %v", got, err)
	}
	for name, mode := range map[string]fs.FileMode{"home/guest/.ssh": 0o700, "home/guest/.ssh/authorized_keys": 0o600} {
		if info, err := s.Root.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

// A package's absolute link must not lead a write to the machine's own files.
func TestLinksDoNotLeadOut(t *testing.T) {
	s := newSystem(t, "9")
	outside := t.TempDir()
	if err := os.RemoveAll(filepath.Join(s.dir, "etc/rpm")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(s.dir, "etc/rpm")); err != nil {
		t.Fatal(err)
	}
	err := Apply(t.Context(), s.Target, wire.Config{RPMMacros: []string{"%_excludedocs 1"}})
	if err == nil {
		t.Error("writing through the link succeeded")
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 0 {
		t.Errorf("written outside: %v", entries)
	}
}

func TestChangeShadow(t *testing.T) {
	const text = "root:*:19000:0:99999:7:::\nx:!!:1:0:::::\n"
	got, err := changeShadow(text, "root", func(string) string { return "$6$a$b" })
	if want := "root:$6$a$b::0:99999:7:::\nx:!!:1:0:::::\n"; err != nil || got != want {
		t.Errorf("%q %v", got, err)
	}
	if _, err := changeShadow(text, "nobody", func(s string) string { return s }); err == nil {
		t.Error("a missing user is no error")
	}
}

func TestPasswordsOfRoot(t *testing.T) {
	for _, c := range []struct {
		password wire.Password
		want     string
	}{
		{wire.Password{Locked: true}, "root:!::"},
		{wire.Password{Value: "locked", Crypted: true, Locked: true}, "root:!locked::"},
		{wire.Password{Value: "thereisnopasswordanditslocked", Crypted: true}, "root:thereisnopasswordanditslocked::"},
	} {
		s := newSystem(t, "9")
		if err := s.password(t.Context(), "root", c.password); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Root.ReadFile("etc/shadow"); !strings.HasPrefix(string(got), c.want) {
			t.Errorf("%s, want %s", got, c.want)
		}
		if len(s.tools.calls) != 0 {
			t.Errorf("%+v ran %v", c.want, s.tools.calls)
		}
	}
	s := newSystem(t, "9")
	if err := s.password(t.Context(), "root", wire.Password{Value: "hello"}); err != nil || !slices.Equal(s.tools.fed, []string{"root:hello\n"}) {
		t.Errorf("%v %v", s.tools.fed, err)
	}
}

func TestArchivedLocales(t *testing.T) {
	s := newSystem(t, "9")
	archive := make([]byte, 200)
	for i, n := range []uint32{0xde020109, 0, 56, 0, 0, 100, 40, 64} {
		archive[4*i], archive[4*i+1], archive[4*i+2], archive[4*i+3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	}
	copy(archive[100:], "de_DE.utf8\x00en_US.utf8\x00")
	if err := s.Root.WriteFile("usr/lib/locale/locale-archive", archive, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"de_DE.UTF-8": true, "en_US.UTF-8": true, "n_US.UTF-8": false, "fr_FR.UTF-8": false, "cs_CZ.UTF-8": true} {
		if got := s.hasLocale(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestKernelArguments(t *testing.T) {
	for _, c := range []struct {
		release, output, missing string
		kdump                    *wire.Kdump
		want                     string
	}{
		{"9", "", "", nil, ""},
		{"9", "", "", &wire.Kdump{}, ""},
		{"9", "1G-4G:192M,4G-:256M\n", "", &wire.Kdump{Enabled: true, Reserve: "auto"}, "crashkernel=1G-4G:192M,4G-:256M"},
		{"9", "", "kdumpctl", &wire.Kdump{Enabled: true}, ""},
		{"8", "", "kdumpctl", &wire.Kdump{Enabled: true}, "crashkernel=auto"},
		{"9", "", "", &wire.Kdump{Enabled: true, Reserve: "256"}, "crashkernel=256M"},
		{"9", "", "", &wire.Kdump{Enabled: true, Reserve: "512M"}, "crashkernel=512M"},
	} {
		s := newSystem(t, c.release)
		s.tools.output, s.tools.missing = c.output, []string{c.missing}
		if got := strings.Join(KernelArguments(t.Context(), s.Target, wire.Config{Kdump: c.kdump}), " "); got != c.want {
			t.Errorf("%+v: %q, want %q", c.kdump, got, c.want)
		}
	}
}

func TestSetting(t *testing.T) {
	for _, c := range [][2]string{{"", "A=1\n"}, {"A=0\nB=2\n", "A=1\nB=2\n"}, {"B=2", "B=2\nA=1\n"}, {"#A=0\n", "#A=0\nA=1\n"}} {
		if got := setting(c[0], "A", "1"); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}
