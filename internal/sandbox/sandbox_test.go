package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/sandbox"
	"github.com/quarry-project/quarry/test/shared"
)

// holderEnv makes the test binary a program that waits in a sandbox: TestDiesWithCaller kills it.
const holderEnv = "QUARRY_TEST_HOLDER"

func TestMain(m *testing.M) {
	sandbox.Enter(map[string]sandbox.Function{
		"echo": func(_ context.Context, in json.RawMessage) (any, error) { return in, nil },
		"fail": func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("no such luck") },
		"die": func(context.Context, json.RawMessage) (any, error) {
			fmt.Fprintln(os.Stderr, "oh no")
			os.Exit(7)
			return nil, nil
		},
		"own":   own,
		"world": world,
		"try":   try,
		"hold":  hold,
		"exec":  execute,
	})
	if fifo := os.Getenv(holderEnv); fifo != "" {
		err := holdUntil(context.Background(), fifo)
		fmt.Fprintln(os.Stderr, "holder ended:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// run calls a function and requires that this host can make sandboxes: a skipped sandbox test would show nothing.
func run[T any](t *testing.T, spec sandbox.Spec) T {
	t.Helper()
	var result T
	if err := sandbox.Run(t.Context(), spec, &result); err != nil {
		t.Fatalf("%s: %v", spec.Function, err)
	}
	return result
}

func TestRunReturnsWhatTheFunctionDoes(t *testing.T) {
	want := strings.Repeat("a long answer ", 100_000)
	if got := run[string](t, sandbox.Spec{Function: "echo", Input: want}); got != want {
		t.Errorf("echo returned %d bytes, want %d", len(got), len(want))
	}
	var own *sandbox.Error
	err := sandbox.Run(t.Context(), sandbox.Spec{Function: "fail"}, nil)
	if !errors.As(err, &own) || own.Message != "no such luck" {
		t.Errorf("fail: got %v, want the function's error", err)
	}
	var stderr bytes.Buffer
	err = sandbox.Run(t.Context(), sandbox.Spec{Function: "die", Stderr: &stderr}, nil)
	if err == nil || !strings.Contains(err.Error(), "die died in the sandbox") || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("die: got %v", err)
	}
	if !strings.Contains(stderr.String(), "oh no") {
		t.Errorf("die: standard error is %q", stderr.String())
	}
	err = sandbox.Run(t.Context(), sandbox.Spec{Function: "nobody"}, nil)
	if err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("unknown function: got %v", err)
	}
}

func TestBadBind(t *testing.T) {
	for _, b := range []sandbox.Bind{
		{Source: "/nonexistent", Target: "/x"}, {Source: "/usr", Target: "x"}, {Source: "/usr", Target: "/a/../b"}, {Source: "/usr", Target: "/"},
	} {
		if err := sandbox.Run(t.Context(), sandbox.Spec{Function: "echo", Binds: []sandbox.Bind{b}}, nil); err == nil {
			t.Errorf("%+v was accepted", b)
		}
	}
}

// own gives files to users and says what it then sees.
func own(context.Context, json.RawMessage) (any, error) {
	const file = "/data/file"
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		return nil, err
	}
	if err := os.Chown(file, 48, 65534); err != nil {
		return nil, err
	}
	// As rpm does: a capability of a root that is one only here.
	capability := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(file, "security.capability", capability, 0); err != nil {
		return nil, fmt.Errorf("setting a capability: %w", err)
	}
	got := make([]byte, 64)
	n, err := unix.Getxattr(file, "security.capability", got)
	if err != nil || !bytes.Equal(got[:n], capability) {
		return nil, fmt.Errorf("the capability reads back as %x, %v", got[:max(n, 0)], err)
	}
	var s unix.Stat_t
	err = unix.Stat(file, &s)
	return []uint32{uint32(os.Getuid()), s.Uid, s.Gid}, err
}

func TestFilesOfOtherUsers(t *testing.T) {
	dir := t.TempDir()
	t.Cleanup(func() { // what belongs to subordinate ids only a sandbox may remove
		spec := sandbox.Spec{Function: "exec", Input: []string{"rm", "-f", "/data/file"}, Binds: []sandbox.Bind{{Source: dir, Target: "/data"}}}
		if err := sandbox.Run(context.Background(), spec, nil); err != nil {
			t.Error(err)
		}
	})
	got := run[[]uint32](t, sandbox.Spec{Function: "own", Binds: []sandbox.Bind{{Source: dir, Target: "/data"}}})
	if fmt.Sprint(got) != "[0 48 65534]" {
		t.Errorf("inside: uid, owner and group are %v", got)
	}
	info, err := os.Stat(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if os.Getuid() != 0 && (owner == 48 || owner == uint32(os.Getuid())) {
		t.Errorf("outside the file belongs to %d", owner)
	}
}

// world says what the function finds around itself.
func world(context.Context, json.RawMessage) (any, error) {
	w := map[string]string{}
	for _, dir := range []string{"/", "/dev", "/home", "/etc", "/run", "/var", "/sys/class/net"} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		w[dir] = strings.Join(names, " ")
	}
	w["environ"] = strings.Join(os.Environ(), " ")
	w["hostname"], _ = os.Hostname()
	devices, err := os.ReadFile("/proc/net/dev")
	w["net"] = string(devices)
	w["pid"] = fmt.Sprint(os.Getppid())
	return w, err
}

func TestView(t *testing.T) {
	t.Setenv("SECRET_OF_THE_CALLER", "x")
	w := run[map[string]string](t, sandbox.Spec{Function: "world"})
	for _, name := range strings.Fields(w["/"]) {
		if !strings.Contains(" bin dev etc lib lib32 lib64 libx32 proc root run sbin sys tmp usr var ", " "+name+" ") {
			t.Errorf("/%s is in the sandbox", name)
		}
	}
	if w["/home"] != "" || w["/run"] != "" || w["/var"] != "tmp" {
		t.Errorf("/home holds %q, /run %q, /var %q", w["/home"], w["/run"], w["/var"])
	}
	if got := w["/dev"]; got != "fd full null random shm stderr stdin stdout tty urandom zero" {
		t.Errorf("/dev holds %s", got)
	}
	if strings.Contains(w["/etc"], "shadow") {
		t.Errorf("/etc holds %s", w["/etc"])
	}
	if strings.Contains(w["environ"], "SECRET_OF_THE_CALLER") {
		t.Errorf("the environment is %s", w["environ"])
	}
	if lines := strings.Count(strings.TrimSpace(w["net"]), "\n"); lines != 2 || !strings.Contains(w["net"], "lo:") {
		t.Errorf("network devices: %s", w["net"])
	}
	if w["hostname"] != "sandbox" || w["pid"] != "1" {
		t.Errorf("host name %q, parent %q", w["hostname"], w["pid"])
	}
}

// try does by name what a hostile scriptlet, root in the sandbox, would.
func try(_ context.Context, in json.RawMessage) (any, error) {
	var what string
	if err := json.Unmarshal(in, &what); err != nil {
		return nil, err
	}
	remount := func(at string) error {
		err := unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND, "")
		attr := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
		if err2 := unix.MountSetattr(unix.AT_FDCWD, at, 0, &attr); err != nil {
			err = err2
		}
		return err
	}
	switch what {
	case "write /data":
		return nil, os.WriteFile("/data/new", nil, 0o644)
	case "write /usr":
		return nil, os.WriteFile("/usr/quarry-escaped", nil, 0o644)
	case "write /":
		return nil, os.WriteFile("/quarry-escaped", nil, 0o644)
	case "remount /data":
		return nil, remount("/data")
	case "remount /":
		return nil, remount("/")
	case "remount /usr":
		return nil, remount("/usr")
	case "remount /proc/sys":
		return nil, remount("/proc/sys")
	case "remount /sys":
		return nil, remount("/sys")
	case "unmount /data":
		return nil, unix.Unmount("/data", unix.MNT_DETACH)
	case "unmount /proc/sys":
		return nil, unix.Unmount("/proc/sys", unix.MNT_DETACH)
	case "bind /data writable":
		if err := os.MkdirAll("/tmp/again", 0o755); err != nil {
			return nil, err
		}
		if err := unix.Mount("/data", "/tmp/again", "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return nil, err
		}
		return nil, os.WriteFile("/tmp/again/new", nil, 0o644)
	case "fresh proc":
		if err := unix.Mount("proc", "/tmp", "proc", 0, ""); err != nil {
			return nil, err
		}
		return nil, remount("/tmp/sys")
	case "sysctl":
		return nil, os.WriteFile("/proc/sys/kernel/core_pattern", []byte("|/tmp/x"), 0)
	case "device":
		if err := unix.Mknod("/tmp/mem", unix.S_IFCHR|0o600, 1<<8|1); err != nil {
			return nil, err
		}
		_, err := os.Open("/tmp/mem")
		return nil, err
	case "first stage's root":
		_, err := os.ReadDir("/proc/1/root/")
		return nil, err
	case "first stage's memory":
		return nil, unix.PtraceAttach(1)
	case "first stage's namespace":
		fd, err := unix.Open("/proc/1/ns/user", unix.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		return nil, unix.Setns(fd, unix.CLONE_NEWUSER)
	case "first stage's descriptors":
		_, err := os.Open("/proc/1/fd/0")
		return nil, err
	case "mount a disk":
		return nil, unix.Mount("/dev/vda", "/tmp", "ext4", 0, "")
	case "terminal":
		f, err := os.Open("/dev/tty")
		if err == nil {
			f.Close()
		}
		return nil, err
	}
	return nil, fmt.Errorf("test: unknown attempt %q", what)
}

func TestNothingReachesTheHost(t *testing.T) {
	dir := t.TempDir()
	for _, what := range []string{
		"write /data", "write /usr", "write /", "remount /data", "remount /", "remount /usr", "remount /proc/sys", "remount /sys", "unmount /data", "unmount /proc/sys",
		"bind /data writable", "fresh proc", "sysctl", "device", "first stage's root", "first stage's memory", "first stage's namespace",
		"first stage's descriptors", "mount a disk", "terminal",
	} {
		t.Run(what, func(t *testing.T) {
			err := sandbox.Run(t.Context(), sandbox.Spec{
				Function: "try", Input: what, Binds: []sandbox.Bind{{Source: dir, Target: "/data", ReadOnly: true}},
			}, nil)
			var own *sandbox.Error
			if !errors.As(err, &own) {
				t.Fatalf("succeeded, or failed for another reason: %v", err)
			}
			if strings.HasPrefix(own.Message, "test:") || strings.Contains(own.Message, "died") {
				t.Fatal(own.Message)
			}
			t.Log(own.Message)
		})
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%s holds %v", dir, entries)
	}
}

// holdUntil waits in a sandbox till ctx ends, with processes of every kind that keep the fifo open. A sandbox that ends early still
// opens it, so that the test sees its end instead of waiting.
func holdUntil(ctx context.Context, fifo string) error {
	err := sandbox.Run(ctx, sandbox.Spec{Function: "hold", Binds: []sandbox.Bind{{Source: fifo, Target: "/fifo"}}}, nil)
	if f, openErr := os.OpenFile(fifo, os.O_RDWR, 0); openErr == nil {
		f.Close()
	}
	return err
}

func hold(context.Context, json.RawMessage) (any, error) {
	// A child that ignores what it can, and a daemon in a session of its own.
	const script = `exec >/fifo; trap "" TERM HUP INT; setsid sh -c 'trap "" TERM HUP INT; echo ready; sleep 100000' & sleep 100000`
	cmd := exec.Command("sh", "-c", script)
	return nil, cmd.Run()
}

// held opens the fifo once a process in the sandbox has it and returns it; reading then ends when the last of them is gone.
func held(t *testing.T, fifo string) *os.File {
	t.Helper()
	f, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := io.ReadFull(f, make([]byte, len("ready\n"))); err != nil {
		t.Fatalf("waiting for the sandbox: %v", err)
	}
	return f
}

func makeFifo(t *testing.T) string {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return fifo
}

func TestCancelKillsEverything(t *testing.T) {
	fifo := makeFifo(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- holdUntil(ctx, fifo) }()
	f := held(t, fifo)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
	if _, err := io.ReadAll(f); err != nil { // blocks while a process lives
		t.Error(err)
	}
}

func TestDiesWithCaller(t *testing.T) {
	fifo := makeFifo(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderEnv+"="+fifo)
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	f := held(t, fifo)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	if _, err := io.ReadAll(f); err != nil {
		t.Error(err)
	}
}

func execute(ctx context.Context, in json.RawMessage) (any, error) {
	var args []string
	if err := json.Unmarshal(in, &args); err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %s", args, err, out)
	}
	return string(out), nil
}

func TestForeignPrograms(t *testing.T) {
	for _, a := range arch.All() {
		if a.Native() {
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			if _, err := exec.LookPath(a.User); err != nil {
				shared.Missing(t, "%s is not installed", a.User)
			}
			dir := t.TempDir()
			build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "hello"), "./testdata/hello")
			build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+a.Go)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			spec := sandbox.Spec{
				Function: "exec", Input: []string{"/data/hello"}, Interpreters: []string{a.Name},
				Binds: []sandbox.Bind{{Source: dir, Target: "/data", ReadOnly: true}},
			}
			if got := run[string](t, spec); got != a.Go {
				t.Errorf("got %q", got)
			}
			spec.Interpreters = nil
			if err := sandbox.Run(t.Context(), spec, nil); err == nil {
				t.Log("the host has rules of its own for these programs")
			}
		})
	}
}

func TestProbe(t *testing.T) {
	for _, a := range arch.All() {
		got := sandbox.Probe(t.Context(), a)
		t.Logf("%s: %+v", a.Name, got)
		if got.Reason == "" || got.OK != (got.Way != sandbox.NoWay) || got.OK != (got.Fix == "") {
			t.Errorf("%s: %+v", a.Name, got)
		}
		if a.Native() && !got.OK {
			t.Errorf("no sandbox: %s (%s)", got.Reason, got.Fix)
		}
	}
}
