package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/test/self"
	"github.com/quarry-project/quarry/test/shared"
)

// The tests of what outlives what run this test binary again, as a process of its own that can be killed or put in a small world.

const (
	helperRole    = "QUARRY_VM_TEST_ROLE"
	helperMachine = "QUARRY_VM_TEST_MACHINE" // JSON
)

func TestMain(m *testing.M) {
	role := os.Getenv(helperRole)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := helper(role); err != nil {
		fmt.Println("helper:", err)
		os.Exit(1)
	}
}

func helper(role string) error {
	var m Machine
	if err := json.Unmarshal([]byte(os.Getenv(helperMachine)), &m); err != nil {
		return err
	}
	if role == "full" {
		// A file system with less room than the guest's disk claims.
		if err := syscall.Mount("tmpfs", filepath.Dir(m.Drives[0].Path), "tmpfs", 0, "size=4m"); err != nil {
			return err
		}
		if err := os.WriteFile(m.Drives[0].Path, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(m.Drives[0].Path, 64<<20); err != nil {
			return err
		}
	}
	r, err := Start(context.Background(), m)
	if err != nil {
		return err
	}
	fmt.Println("running", r.pid)
	_, _, err = Follow(context.Background(), r, patient(), nil)
	return err
}

// again is this binary in the given role.
func again(t *testing.T, role string, m Machine) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperRole+"="+role, helperMachine+"="+string(text))
	return cmd
}

func TestMachineDiesWithAKilledProcess(t *testing.T) {
	m := helloMachine(t, "hang")
	cmd := again(t, "hold", m)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), "running "))
	if err != nil {
		t.Fatalf("the helper said %q", line)
	}
	if !processRuns(pid) {
		t.Fatalf("QEMU (process %d) does not run", pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for range 500 {
		if !processRuns(pid) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if processRuns(pid) {
		t.Errorf("QEMU (process %d) outlived the process that started it", pid)
	}
	for _, name := range sockets(t, m.Dir) {
		t.Errorf("a socket was left behind: %s", name)
	}
}

// QEMU pauses a guest whose image can't grow, and without a word would leave it so.
func TestFullHostDiskIsAnError(t *testing.T) {
	m := helloMachine(t, "fill")
	small := filepath.Join(m.Dir, "small")
	if err := os.Mkdir(small, 0o755); err != nil {
		t.Fatal(err)
	}
	m.Drives = []Drive{{Path: filepath.Join(small, "disk.raw"), Format: "raw", Serial: "target"}}
	cmd := again(t, "full", m)
	cmd.SysProcAttr = self.Namespace()
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		shared.Missing(t, "this host lets ordinary users have no user namespaces: %v", err)
	}
	if err == nil || !strings.Contains(string(out), "no space left on this host") {
		t.Errorf("got %v:\n%s", err, out)
	}
}

// Without a guest that could boot: that QEMU takes the command line and answers is what counts.
func TestQEMUTakesEveryCommandLine(t *testing.T) {
	for _, a := range arch.All() {
		for _, f := range a.Kinds() {
			t.Run(a.Name+"-"+string(f), func(t *testing.T) {
				missing := func(format string, args ...any) { t.Helper(); shared.Missing(t, format, args...) }
				if a.CPU["9"] == "" { // Debian 12 has no firmware for riscv64, so scripts/host can't install it
					missing = t.Skipf
				}
				if _, err := Program(a); err != nil {
					missing("%v", err)
				}
				if _, err := FindFlash(a); f == arch.UEFI && err != nil {
					missing("%v", err)
				}
				m := boot(a, f)
				m.Dir, m.Events, m.SSH, m.Network = t.TempDir(), true, 0, true
				m.Drives = []Drive{{Path: filepath.Join(m.Dir, "a,b.raw"), Format: "raw", Serial: "target", Unsafe: true, Snapshot: true}}
				sparse(t, m.Drives[0].Path, 1<<20)
				r := start(t, m)
				if status, err := r.Status(t.Context()); err != nil || status != "running" {
					t.Errorf("status %q, %v", status, err)
				}
				r.Kill()
				if err := r.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestStartExplainsWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	m := build(lookup(t, "x86_64"))
	for _, test := range []struct {
		name   string
		change func()
		want   string
	}{
		{"no folder", func() { m.Dir = filepath.Join(dir, "none") }, "is not the absolute path of a folder"},
		{"no kernel", func() { m.Dir, m.Kernel = dir, filepath.Join(dir, "vmlinuz") }, "vmlinuz is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.change()
			if _, err := Start(t.Context(), m); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	t.Run("no QEMU", func(t *testing.T) {
		t.Setenv("PATH", dir)
		a := lookup(t, "s390x")
		if a.Native() {
			t.Skip("it may be outside of PATH here")
		}
		if _, err := Program(a); err == nil || !strings.Contains(err.Error(), "install") {
			t.Errorf("got %v", err)
		}
	})
}

// QEMU's own complaint must be in the error, not only that it ended.
func TestStartCarriesQEMUsComplaint(t *testing.T) {
	m := helloMachine(t, "")
	m.Kernel = m.Initrd // no kernel
	_, err := Start(t.Context(), m)
	if err == nil {
		t.Fatal("a machine without a kernel started")
	}
	text, readErr := os.ReadFile(filepath.Join(m.Dir, QEMULog))
	if first, _, _ := strings.Cut(string(text), "\n"); readErr != nil || first == "" || !strings.Contains(err.Error(), first) {
		t.Errorf("the error is %v, the log %q, %v", err, text, readErr)
	}
}
