package kickstart

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// expect compares a view with what it should be.
func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

func ptr[T any](v T) *T { return &v }

func TestSystemViews(t *testing.T) {
	file := mustParse(t, readFile(t, "testdata/cloud.ks"), Options{})
	expect(t, "lang", file.Lang(), Lang{"en_US.UTF-8", []string{"cs_CZ", "de_DE"}})
	expect(t, "keyboard", file.Keyboard(), Keyboard{"us", []string{"us", "de"}, []string{"grp:alt_shift_toggle"}})
	expect(t, "timezone", file.Timezone(), Timezone{Name: "Etc/UTC", UTC: true, NTP: true})
	expect(t, "timesource", file.TimeSources(), []TimeSource{{Pool: "pool.example.org", NTS: true}})
	expect(t, "rootpw", file.RootPassword(), RootPassword{Present: true, Plaintext: true, Locked: true})
	expect(t, "firewall", file.Firewall(), Firewall{Enabled: ptr(true), Services: []string{"ssh", "https"}, Ports: []string{"8080:tcp"}})
	expect(t, "selinux", file.SELinux(), SELinux{"enforcing"})
	expect(t, "services", file.Services(), Services{[]string{"sshd", "chronyd"}, []string{"kdump"}})
	expect(t, "shutdown", file.ShutdownAction(), "shutdown")
	expect(t, "user", file.Users(), []User{{Name: "cloud", GECOS: "Cloud User", Groups: []string{"wheel", "adm"}, Plaintext: true,
		UID: ptr(1000), Pos: Position{"test.ks", 8, 1}}})
	expect(t, "sshkey", file.SSHKeys(), []SSHKey{{"cloud", "ssh-ed25519 AAAAC3 cloud@example.org", Position{"test.ks", 9, 1}}})
	networks := file.Networks()
	if len(networks) != 2 || networks[0].HostnameOnly || networks[0].Device != "link" || !networks[0].OnBoot || !networks[0].Activate ||
		!networks[1].HostnameOnly || networks[1].Hostname != "cloud.example.org" || networks[1].BootProto != "dhcp" {
		t.Errorf("networks %+v", networks)
	}
	if file.SkipX() || file.XConfig().Present || file.Firstboot().Mode != "" {
		t.Error("something is said to be there that isn't")
	}
}

func TestStorageViews(t *testing.T) {
	file := mustParse(t, readFile(t, "testdata/cloud.ks"), Options{})
	expect(t, "part", file.Partitions(), []Partition{{
		FileSystem: FileSystem{Mount: "/", FSType: "xfs", MkfsOptions: "-m bigtime=1,inobtcount=1"}, Size: 4000, Grow: true, Pos: Position{"test.ks", 22, 1},
	}})
	expect(t, "clearpart", file.ClearPart(), ClearPart{Present: true, Type: "all", InitLabel: true})
	reqpart, ok := file.ReqPart()
	expect(t, "reqpart", reqpart, ReqPart{AddBoot: true})
	_, auto := file.AutoPart()
	if !ok || auto || !file.ZeroMBR() {
		t.Errorf("reqpart %v, autopart %v, zerombr %v", ok, auto, file.ZeroMBR())
	}
	expect(t, "bootloader", file.Bootloader(), Bootloader{Present: true, Location: "mbr", Append: "console=ttyS0,115200n8 no_timer_check", Timeout: ptr(1)})
	lvm := mustParse(t, "part pv.01 --onpart=/dev/vda2 --noformat\nvolgroup vg --pesize=4096 pv.01\nlogvol swap --vgname=vg --name=swap --percent=10 --fstype=swap\n"+
		"raid /x --level=1 --device=md0 raid.01 raid.02 --encrypted --passphrase=secret\n", Options{})
	if p := lvm.Partitions()[0]; p.OnPart != "vda2" || !p.NoFormat || p.Mount != "pv.01" {
		t.Errorf("%+v", p)
	}
	expect(t, "volgroup", lvm.VolGroups(), []VolGroup{{Name: "vg", Members: []string{"pv.01"}, PESize: 4096, Pos: Position{"test.ks", 2, 1}}})
	expect(t, "logvol", lvm.LogVols(), []LogVol{{FileSystem: FileSystem{Mount: "swap", FSType: "swap"}, VolGroup: "vg", Name: "swap", Percent: 10,
		Pos: Position{"test.ks", 3, 1}}})
	if r := lvm.RAIDs()[0]; r.Level != "RAID1" || r.Device != "0" || len(r.Members) != 2 || r.Passphrase != "secret" {
		t.Errorf("%+v", r)
	}
}

func TestSourceAndPackageViews(t *testing.T) {
	file := mustParse(t, readFile(t, "testdata/cloud.ks"), Options{})
	url, ok := file.URL()
	if !ok || url.URL != "https://repo.example.org/$releasever/BaseOS/$basearch/os/" {
		t.Errorf("%+v", url)
	}
	if c, ok := file.Command("repo"); !ok || c.At("baseurl").String() != "test.ks:16:23" || c.At("proxy") != c.Pos {
		t.Errorf("repo --baseurl is at %v", c.At("baseurl"))
	}
	if repos := file.Repos(); len(repos) != 1 || repos[0].Name != "appstream" || *repos[0].Cost != 200 || repos[0].Pos.Line != 16 {
		t.Errorf("%+v", repos)
	}
	p := file.Packages
	if !p.Seen || !p.ExcludeDocs || !p.ExcludeWeakdeps || p.NoCore || len(*p.InstLangs) != 1 {
		t.Errorf("%+v", p)
	}
	at := func(line int) Position { return Position{"test.ks", line, 1} }
	expect(t, "items", p.Items, []PackageItem{
		{Name: "core", Kind: Group, GroupInclude: GroupNoDefaults, Pos: at(26)}, {Name: "minimal-environment", Kind: Environment, Pos: at(27)},
		{Name: "cloud-init", Pos: at(28)}, {Name: "plymouth*", Exclude: true, Pos: at(29)},
		{Name: "guest-agents", Kind: Group, GroupInclude: GroupOptional, Pos: at(30)}, {Name: "multimedia", Kind: Group, Exclude: true, Pos: at(31)},
	})
	expect(t, "addon", file.Addons, []Addon{{Section: "%addon", Name: "com_redhat_kdump", Args: []string{"--disable"}, Pos: at(34)}})
	if s := file.Scripts; len(s) != 3 || s[0].Kind != "pre" || !s[0].NoChroot || s[0].Interpreter != "/usr/bin/bash" ||
		!s[1].NoChroot || s[1].Log != "/root/post.log" || s[2].NoChroot || !s[2].ErrorOnFail || s[2].Interpreter != "/bin/sh" {
		t.Errorf("%+v", s)
	}
}

// A repeated command amends what was said before, but a flag that isn't repeated is taken back.
func TestRepeatedCommandsAmend(t *testing.T) {
	file := mustParse(t, "services --enabled=a\nservices --disabled=b\nreboot --eject\nhalt\nurl --url=http://a/ --noverifyssl\nurl --url=http://b/\n", Options{})
	expect(t, "services", file.Services(), Services{[]string{"a"}, []string{"b"}})
	expect(t, "action", file.ShutdownAction(), "halt")
	if u, _ := file.URL(); u.URL != "http://b/" || u.NoVerifySSL {
		t.Errorf("%+v", u)
	}
	if c, ok := file.Command("shutdown"); ok {
		t.Errorf("%+v isn't there", c)
	}
	if c, ok := file.Command("halt"); !ok || c.Values.Bool("eject") {
		t.Errorf("halt %+v %v", c, ok)
	}
}

func TestJSONHoldsNoSecrets(t *testing.T) {
	file := mustParse(t, "rootpw hunter2\nuser --name=u --password=hunter2\npart / --size=1 --encrypted --passphrase=hunter2\nsshpw --username=r hunter2\n"+
		"bootloader --password=hunter2\niscsi --ipaddr=a --password=hunter2 --reverse-password=hunter2\nnetwork --wpakey=hunter2\n"+
		"rhsm --organization=1 --activation-key=hunter2\nrealm join --one-time-password=hunter2 example.org\nvnc --password=hunter2\n", Options{})
	for what, v := range map[string]any{"file": file, "users": file.Users(), "rootpw": file.RootPassword(), "part": file.Partitions(), "boot": file.Bootloader()} {
		text, err := json.Marshal(v)
		if err != nil || strings.Contains(string(text), "hunter2") {
			t.Errorf("%s: %v %s", what, err, text)
		}
	}
	if _, err := parseText(t, "rootpw a --lock hunter2\nrootpw hunter2 hunter2\nsshpw --username=x --lock --bogus hunter2\n", Options{}); err == nil ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a message gives the password away: %v", err)
	}
}

func TestTables(t *testing.T) {
	count := map[Version]int{}
	for _, spec := range Commands() {
		if spec.Help == "" || len(spec.Names) == 0 {
			t.Errorf("%v has no help", spec.Names)
		}
		for _, v := range Versions() {
			if spec.Known(v) {
				count[v] += len(spec.Names)
			}
		}
		for _, v := range Versions() {
			seen := map[string]bool{}
			for _, o := range spec.Options {
				for _, name := range o.Names {
					if o.Known(v) && (seen[name] || !strings.HasPrefix(name, "--") || o.Dest == "") {
						t.Errorf("%s: %s stands twice or isn't an option in %s", spec.Names[0], name, v)
					}
					seen[name] = seen[name] || o.Known(v)
				}
			}
		}
	}
	expect(t, "commands", count, map[Version]int{RHEL8: 71, RHEL9: 73, RHEL10: 75})
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]Version{"rhel8": RHEL8, "RHEL9": RHEL9, "el10": RHEL10, " 9 ": RHEL9} {
		if got, err := ParseVersion(text); err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "rhel7", "f40", "99"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("%q is taken for %v", text, v)
		}
	}
	if _, err := Parse("a.ks", strings.NewReader(""), Options{}); err == nil {
		t.Error("no version is fine")
	}
}
