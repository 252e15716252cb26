package vm

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/test/shared"
)

// Whole machines, with the kernel of the test distribution and testdata/hello as init.

// pebbleBoot returns kernel and initramfs of the test distribution, whose root QUARRY_PEBBLE names.
func pebbleBoot(t *testing.T) (kernel, initrd string) {
	t.Helper()
	root := os.Getenv("QUARRY_PEBBLE")
	if root == "" {
		shared.Missing(t, "no test distribution: set QUARRY_PEBBLE to the tree that `make pebble` makes")
	}
	dir := filepath.Join(root, "9", "BaseOS", "x86_64", "os", "images", "pxeboot")
	return filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd.img")
}

// helloMachine is a machine whose init does what act says.
func helloMachine(t *testing.T, act string) Machine {
	t.Helper()
	kernel, base := pebbleBoot(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "hello")
	build := exec.Command("go", "build", "-o", program, "./testdata/hello")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the init: %v\n%s", err, out)
	}
	initrd := filepath.Join(dir, "initrd")
	if err := Initrd(initrd, base, map[string]File{"/quarry/hello": {Path: program, Mode: 0o755}}); err != nil {
		t.Fatal(err)
	}
	return Machine{
		Arch: lookup(t, "x86_64"), Release: "9", CPUs: 1, MemoryMiB: 512, Accel: TCG,
		Kernel: kernel, Initrd: initrd, Append: "rdinit=/quarry/hello hello=" + act, Events: true, Dir: dir,
	}
}

func lookup(t *testing.T, name string) arch.Arch {
	t.Helper()
	a, err := arch.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func start(t *testing.T, m Machine) *Running {
	t.Helper()
	r, err := Start(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	return r
}

// patient bounds a machine on a busy host.
func patient() Deadlines {
	return Deadlines{Limit: Limit{Silence: 3 * time.Minute, Total: 5 * time.Minute}}
}

func sparse(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func TestMachineReportsAndSeesItsDrives(t *testing.T) {
	m := helloMachine(t, "")
	// A comma in a path must reach QEMU as one.
	disk, more := filepath.Join(m.Dir, "a,b.raw"), filepath.Join(m.Dir, "more.raw")
	sparse(t, disk, 1<<20)
	sparse(t, more, 2<<20)
	m.Drives = []Drive{
		{Path: disk, Format: "raw", Serial: "target", Unsafe: true},
		{Path: more, Format: "raw", Serial: "payload", ReadOnly: true},
	}
	r := start(t, m)
	var lines []string
	result, phases, err := Follow(t.Context(), r, patient(), func(e progress.Event) {
		if e.Phase == "drives" {
			lines = append(lines, e.Message)
		}
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(r.ConsoleTail(30), "\n"))
	}
	if got := strings.Join(lines, "; "); !strings.Contains(got, "vda target 2048") || !strings.Contains(got, "vdb payload 4096") {
		t.Errorf("the guest saw the drives %q", got)
	}
	if result.Written != 1 || len(phases) != 2 || phases[0].Name != "boot" || phases[1].Name != "drives" || phases[1].Seconds != 0.5 {
		t.Errorf("result %+v, phases %+v", result, phases)
	}
	if text, err := os.ReadFile(filepath.Join(m.Dir, ConsoleLog)); err != nil || !strings.Contains(string(text), "Linux version") {
		t.Errorf("the console log does not hold the kernel's greeting: %v", err)
	}
	for _, name := range sockets(t, m.Dir) {
		t.Errorf("a socket was left behind: %s", name)
	}
}

func sockets(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.Type()&os.ModeSocket != 0 {
			out = append(out, e.Name())
		}
	}
	return out
}

func TestMachineFailures(t *testing.T) {
	impatient := patient()
	impatient.Phase = map[string]Limit{"after boot": {Silence: 3 * time.Second}}
	for _, test := range []struct {
		act       string
		deadlines Deadlines
		check     func(error) bool
		text      string
	}{
		{"fail", patient(), func(err error) bool { var e *GuestError; return errors.As(err, &e) }, "test.ks:7: no such disk"},
		{"quit", patient(), func(err error) bool { var e *DiedError; return errors.As(err, &e) }, "without a report"},
		{"panic", patient(), func(err error) bool { var e *DiedError; return errors.As(err, &e) }, "the guest's kernel panicked"},
		{"hang", impatient, func(err error) bool { var e *SilentError; return errors.As(err, &e) && e.Alive }, "what it runs there hangs"},
	} {
		t.Run(test.act, func(t *testing.T) {
			r := start(t, helloMachine(t, test.act))
			_, _, err := Follow(t.Context(), r, test.deadlines, nil)
			if err == nil || !test.check(err) || !strings.Contains(err.Error(), test.text) {
				t.Fatalf("got %T %v, want %q", err, err, test.text)
			}
			if e, ok := EvidenceOf(err); !ok || len(e.Console) == 0 || e.ConsoleLog == "" {
				t.Errorf("no evidence in %#v", err)
			}
			select {
			case <-r.Ended():
			default:
				t.Error("the machine still runs")
			}
		})
	}
}

func TestMachineStatusPauseResumeAndCancel(t *testing.T) {
	m := helloMachine(t, "hang")
	ctx, cancel := context.WithCancelCause(t.Context())
	r, err := Start(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	for _, step := range []struct {
		do   func(context.Context) error
		want string
	}{{nil, "running"}, {r.Pause, "paused"}, {r.Resume, "running"}} {
		if step.do != nil {
			if err := step.do(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := r.Status(ctx); err != nil || got != step.want {
			t.Fatalf("status is %q, %v, want %q", got, err, step.want)
		}
	}
	interrupt := errors.New("interrupted by a test")
	cancel(interrupt)
	if _, _, err := Follow(ctx, r, patient(), nil); !errors.Is(err, interrupt) {
		t.Errorf("got %v, want the cause of the cancellation", err)
	}
	if processRuns(r.pid) {
		t.Errorf("QEMU (process %d) still runs", r.pid)
	}
}

func TestStopOfAGuestThatIgnoresTheButton(t *testing.T) {
	r := start(t, helloMachine(t, "hang"))
	impatient := errors.New("no longer")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, impatient)
	defer cancel()
	if err := r.Stop(ctx); !errors.Is(err, impatient) {
		t.Errorf("got %v", err)
	}
	if processRuns(r.pid) {
		t.Errorf("QEMU (process %d) still runs", r.pid)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Errorf("stopping a machine that is off: %v", err)
	}
}

func processRuns(pid int) bool {
	state, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(state), ") Z ")
}
