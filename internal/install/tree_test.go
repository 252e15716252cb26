package install

import (
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
	"github.com/quarry-project/quarry/test/shared"
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
func makeTree(ctx context.Context, t *testing.T, lock resolve.Lock, inputs resolve.Inputs, report progress.Func) (artifact.Tree, PayloadFiles, string, error) {
	t.Helper()
	payload, err := Payload(t.Context(), lock, inputs, t.TempDir(), report)
	if err != nil {
		t.Fatal(err)
	}
	dir, logs := t.TempDir(), t.TempDir()
	tree, err := Tree(ctx, TreeSpec{
		Lock: lock, Inputs: inputs, Payload: payload, Arch: lock.Request.Arch, Method: Sandbox, Dir: dir, LogDir: logs,
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
	tree, payload, log, err := makeTree(t.Context(), t, lock, inputs, func(e progress.Event) {
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
	got := checkTree(t, tree, payload)
	if got := got.Files["/var/log/escape"].Text; got != "left the chroot\n" {
		t.Errorf("a script that leaves its root managed: %q", got)
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
		shared.Missing(t, "%s is not installed", a.User)
	}
	lock, inputs := fixture(t, a)
	tree, payload, _, err := makeTree(t.Context(), t, lock, inputs, nil)
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
	_, _, _, err := makeTree(t.Context(), t, lock, inputs, nil)
	if err == nil || !strings.Contains(err.Error(), "ghost-0:1-1.noarch") || !strings.Contains(err.Error(), "quarry lock") {
		t.Errorf("got %v", err)
	}
	lock.Request.Expected = lock.Request.Expected[:2] // what they require is then out of sight
	if _, _, _, err := makeTree(t.Context(), t, lock, inputs, nil); err == nil || !strings.Contains(err.Error(), "library") {
		t.Errorf("got %v", err)
	}
}

func TestTreeStops(t *testing.T) {
	lock, inputs := fixture(t, host(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, _, _, err := makeTree(ctx, t, lock, inputs, func(e progress.Event) {
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
	_, _, log, err := makeTree(t.Context(), t, lock, inputs, nil)
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
