package install

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/packages"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/sandbox"
)

// host is this computer's architecture.
func host(t *testing.T) arch.Arch {
	t.Helper()
	a, ok := arch.Host()
	if !ok {
		t.Fatal("no row for this host's architecture")
	}
	return a
}

// makeTree makes the payload and the tree of a Lock, and checks that only the tree is left.
func makeTree(t *testing.T, ctx context.Context, lock resolve.Lock, inputs resolve.Inputs, report progress.Func) (artifact.Tree, PayloadFiles, string, error) {
	t.Helper()
	payload, err := Payload(t.Context(), lock, inputs, t.TempDir(), report)
	if err != nil {
		t.Fatal(err)
	}
	dir, logs := t.TempDir(), t.TempDir()
	tree, err := Tree(ctx, TreeSpec{
		Lock: lock, Inputs: inputs, Payload: payload, Arch: lock.Request.Arch, Method: Sandbox, Dir: dir, LogDir: logs, Release: "9",
	}, report)
	want := 0
	if err == nil {
		want = 1
	}
	if entries, _ := os.ReadDir(dir); len(entries) != want {
		t.Errorf("the folder holds %v", entries)
	}
	log, readErr := os.ReadFile(filepath.Join(logs, "packages", "packages.log"))
	if readErr != nil && err == nil {
		t.Error(readErr)
	}
	for _, name := range []string{"", "main", "main/Packages", "more"} {
		if _, err := os.Stat(filepath.Join(payload.Dir, name, "escaped")); err == nil {
			t.Errorf("a script wrote to the payload's %q", name)
		}
	}
	return tree, payload, string(log), err
}

func TestTreeCarriesEverything(t *testing.T) {
	lock, inputs := fixture(t, host(t))
	old := syscall.Umask(0o077) // must not show in the tree
	t.Cleanup(func() { syscall.Umask(old) })
	var last progress.Event
	tree, payload, log, err := makeTree(t, t.Context(), lock, inputs, func(e progress.Event) {
		if e.Kind == progress.Progress {
			last = e
		}
		if e.Kind == progress.Warning {
			t.Errorf("warning: %s", e.Message)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if last.Unit != progress.Packages || last.Done != 5 || last.Total != 5 {
		t.Errorf("the last progress is %+v, want 5 of 5 packages", last)
	}
	if !strings.Contains(log, "this must not be taken for a message") {
		t.Errorf("the log lacks what the script printed: %s", log)
	}
	var names []string
	for _, p := range tree.Packages {
		names = append(names, p.String())
	}
	a := tree.Arch
	if got, want := strings.Join(names, " "), "basis-2:1.0-1."+a+" library-1.0-1.noarch member-1.0-1."+a+" tools-1.0-1."+a+" weakling-1.0-1."+a; got != want {
		t.Errorf("packages: %s, want %s", got, want)
	}
	if tree.Unpacked < 1000 || tree.Digest == "" || tree.Method != "sandbox" {
		t.Errorf("tree: %+v", tree)
	}
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
	if got := files["/var/log/escape"].Text; got != "left the chroot\n" {
		t.Errorf("a script that leaves its root managed: %q", got)
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

func TestTreeOfForeignArchitecture(t *testing.T) {
	a, err := arch.Lookup("aarch64")
	if err != nil {
		t.Fatal(err)
	}
	if a.Native() {
		t.Skip("this host is aarch64 itself")
	}
	if _, err := exec.LookPath(a.User); err != nil {
		t.Skipf("%s is not installed", a.User)
	}
	lock, inputs := fixture(t, a)
	tree, payload, _, err := makeTree(t, t.Context(), lock, inputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := lookAt(t, tree, payload).Files["/var/log/post"].Text; got != "ran\n" {
		t.Errorf("the script left %q", got)
	}
}

func TestTreeThatIsNotTheLock(t *testing.T) {
	lock, inputs := fixture(t, host(t))
	lock.Request.Expected = append(lock.Request.Expected, "ghost-0:1-1.noarch")
	_, _, _, err := makeTree(t, t.Context(), lock, inputs, nil)
	if err == nil || !strings.Contains(err.Error(), "ghost-0:1-1.noarch") || !strings.Contains(err.Error(), "quarry lock") {
		t.Errorf("got %v", err)
	}
	lock.Request.Expected = lock.Request.Expected[:2] // what they require is then out of sight
	if _, _, _, err := makeTree(t, t.Context(), lock, inputs, nil); err == nil || !strings.Contains(err.Error(), "library") {
		t.Errorf("got %v", err)
	}
}

func TestTreeStops(t *testing.T) {
	lock, inputs := fixture(t, host(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, _, _, err := makeTree(t, ctx, lock, inputs, func(e progress.Event) {
		if e.Kind == progress.Progress && e.Done > 1 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFailingScript(t *testing.T) {
	lock, inputs := fixture(t, host(t), "broken")
	lock.Request.Install = append(lock.Request.Install, "broken")
	_, _, log, err := makeTree(t, t.Context(), lock, inputs, nil)
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v; log: %s", err, log)
	}
}

// A run that is killed leaves a work folder that its user can't remove; the next one does.
func TestLeftoversOfAKilledRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	err := sandbox.Run(t.Context(), sandbox.Spec{Function: "test.litter", Binds: []sandbox.Bind{{Source: dir, Target: insideWork}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err == nil && os.Getuid() != 0 {
		t.Error("the test's litter could be removed by its user: it shows nothing")
	}
	if err := Remove(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", dir)
	}
	if err := Remove(t.Context(), dir); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestMismatch(t *testing.T) {
	err := packages.Compare([]string{"a-0:1-1.noarch", "b-0:1-1.noarch"}, nil)
	var mismatch *packages.MismatchError
	if !errors.As(err, &mismatch) || len(mismatch.Missing) != 2 || len(mismatch.Unexpected) != 0 {
		t.Errorf("got %v", err)
	}
}
