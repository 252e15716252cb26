package install

import (
	"bytes"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
)

// checkTree looks into a tree of the fixture's packages, wherever it was made.
func checkTree(t *testing.T, tree artifact.Tree, payload PayloadFiles) looked {
	t.Helper()
	dnf := []string{"/usr/bin/dnf", "--installroot=/tmp/tree", "--setopt=reposdir=/nonexistent", "--setopt=cachedir=/tmp/cache",
		"--setopt=logdir=/tmp", "--setopt=pluginpath=/nonexistent", "--releasever=9",
		"--disablerepo=*", "--repofrompath=main,/payload/main", "--enablerepo=main"}
	rpm := []string{"rpm", "--root=/tmp/tree"}
	got := lookAt(t, tree, payload,
		append(dnf[:len(dnf):len(dnf)], "autoremove", "--assumeno"),
		append(dnf[:len(dnf):len(dnf)], "repoquery", "-q", "--installed", "--qf", "%{name} %{reason} %{from_repo}"),
		append(dnf[:len(dnf):len(dnf)], "group", "list", "--installed"),
		append(rpm[:len(rpm):len(rpm)], "-V", "basis", "library", "tools", "weakling"),
		append(rpm[:len(rpm):len(rpm)], "-qa", "gpg-pubkey"),
		append(dnf[:len(dnf):len(dnf)], "remove", "tools", "--assumeno"),
	)
	checkFiles(t, got.Files)
	checkDatabase(t, got.Outputs)
	return got
}

func checkFiles(t *testing.T, files map[string]sight) {
	t.Helper()
	for path, want := range map[string]sight{
		"/usr/bin/owned":  {Mode: 0o104750, UID: 990, GID: 991},
		"/usr/bin/ping":   {Mode: 0o100755},
		"/usr/bin/link":   {Mode: 0o120777, Link: "ping"},
		"/tmp":            {Mode: 0o041777},
		"/root":           {Mode: 0o040550},
		"":                {Mode: 0o040755},
		"/dev":            {Mode: 0o040755},
		"/run":            {Mode: 0o040755},
		"/proc":           {Mode: 0o040555},
		"/sys":            {Mode: 0o040555},
		"/etc/machine-id": {Mode: 0o100644},
		"/var/log/post":   {Mode: 0o100644},
	} {
		got, ok := files[path]
		if !ok || got.Mode != want.Mode || got.UID != want.UID || got.GID != want.GID || got.Link != want.Link {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	if got := files["/usr/bin/ping"].Capability; !bytes.Equal(got, []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("the capability of ping is %x", got)
	}
	if a, b := files["/usr/bin/first"].Inode, files["/usr/bin/second"].Inode; a == 0 || a != b {
		t.Errorf("the hard links have inodes %d and %d", a, b)
	}
	if files["/etc/machine-id"].Text != "" {
		t.Error("machine-id is not empty")
	}
	for _, path := range []string{
		"/usr/share/doc/tools/README", "/usr/share/locale/de/tools.mo", "/var/tmp/leftover", "/etc/dracut.conf.d", "/etc/extra",
		"/var/cache/dnf", "/var/log/dnf.log", "/var/log/hawkey.log", "/dev/null", "/run/lock", "/escaped", "/etc/yum.repos.d",
	} {
		if _, ok := files[path]; ok {
			t.Errorf("%s is in the tree", path)
		}
	}
	for path := range files {
		if strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/") || strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/run/") {
			t.Errorf("%s is in the tree", path)
		}
	}
}

func checkDatabase(t *testing.T, outputs []string) {
	t.Helper()
	if got := outputs[0]; !strings.Contains(got, "Nothing to do.") {
		t.Errorf("dnf autoremove would do something: %s", got)
	}
	want := "basis group main\nlibrary dependency more\nmember group main\ntools group main\nweakling weak-dependency main"
	if got := strings.TrimSpace(outputs[1]); got != want {
		t.Errorf("reasons and repositories:\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(outputs[2], "Core") {
		t.Errorf("installed groups: %s", outputs[2])
	}
	if got := strings.TrimSpace(outputs[3]); got != "S.5....T.    /etc/machine-id\n\nexit status 1" {
		t.Errorf("rpm -V: %q", got)
	}
	for _, name := range []string{"tools", "library", "weakling"} {
		if !strings.Contains(outputs[5], "\n "+name+" ") {
			t.Errorf("removing tools would leave %s: %s", name, outputs[5])
		}
	}
	if outputs[4] != "" {
		t.Errorf("keys in the database: %s", outputs[4])
	}
}
