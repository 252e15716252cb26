package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOutputAndInput(t *testing.T) {
	out, err := Output(t.Context(), Cmd{
		Args: []string{"sh", "-c", `cat; echo "$A in $(pwd)"`}, Stdin: strings.NewReader("in "), Dir: "/", Env: []string{"A=b", "PATH=" + os.Getenv("PATH")},
	})
	if err != nil || string(out) != "in b in /\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestErrorCarriesTheComplaint(t *testing.T) {
	var all bytes.Buffer
	err := Run(t.Context(), Cmd{Args: []string{"sh", "-c", "seq 1 5000 >&2; echo disk on fire >&2; exit 3"}, Stderr: &all})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v", err, err)
	}
	if e.ExitCode != 3 || !strings.HasSuffix(e.Stderr, "5000\ndisk on fire") || len(e.Stderr) > tailBytes {
		t.Errorf("exit %d, %d bytes ending in %q", e.ExitCode, len(e.Stderr), e.Stderr[max(0, len(e.Stderr)-30):])
	}
	if !strings.HasPrefix(err.Error(), "sh: exit status 3: ") {
		t.Errorf("the error says %.40q", err)
	}
	if !strings.HasPrefix(all.String(), "1\n2\n") {
		t.Error("the caller's writer did not get everything")
	}
}

func TestProgramsThatDoNotRun(t *testing.T) {
	if err := Run(t.Context(), Cmd{}); err == nil {
		t.Error("no program ran")
	}
	err := Run(t.Context(), Cmd{Args: []string{filepath.Join(t.TempDir(), "none")}})
	var e *Error
	if !errors.As(err, &e) || e.ExitCode != -1 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	err = Run(t.Context(), Cmd{Args: []string{"sh", "-c", "kill -9 $$"}})
	if !errors.As(err, &e) || e.ExitCode != -1 || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
}

func TestNoShellReadsArguments(t *testing.T) {
	out, err := Output(t.Context(), Cmd{Args: []string{"echo", "$(id); 'x'"}})
	if err != nil || string(out) != "$(id); 'x'\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// A child that ignores SIGTERM and holds the output open must not outlive the cancellation.
func TestCancelEndsTheWholeGroup(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupt := errors.New("interrupted")
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Cmd{Args: []string{"sh", "-c", `sh -c 'trap "" TERM; echo $$; sleep 1000' & wait`}, Stdout: write})
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	cancel(interrupt)
	if err := <-ended; !errors.Is(err, interrupt) {
		t.Errorf("got %v, want the cause of the cancellation", err)
	}
	for range 500 {
		if !runs(child) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d still runs", child)
}

// runs tells whether pid is alive; a zombie that nobody has waited for yet is not.
func runs(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestFilesAndStarted(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var pid int
	err = Run(t.Context(), Cmd{
		Args: []string{"sh", "-c", "echo $$ >&3"}, Files: []*os.File{write},
		Attr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, Started: func(p int) error { pid = p; return nil },
	})
	write.Close()
	text, _ := io.ReadAll(read)
	if err != nil || string(text) != strconv.Itoa(pid)+"\n" {
		t.Errorf("the program %d said %q, %v", pid, text, err)
	}
	refused := errors.New("not this one")
	err = Run(t.Context(), Cmd{Args: []string{"sleep", "1000"}, Started: func(p int) error { pid = p; return refused }})
	if !errors.Is(err, refused) || runs(pid) {
		t.Errorf("got %v; still runs: %v", err, runs(pid))
	}
}

// helperEnv makes this test's program one that runs another and tells its number.
const helperEnv = "QUARRY_COMMAND_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		_ = Run(context.Background(), Cmd{Args: []string{"sleep", "1000"}, Started: func(pid int) error {
			fmt.Println(pid)
			return nil
		}})
		return
	}
	os.Exit(m.Run())
}

func TestProgramsDieWithAKilledProcess(t *testing.T) {
	self := exec.Command("/proc/self/exe")
	self.Env = append(os.Environ(), helperEnv+"=1")
	out, err := self.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil || !runs(pid) {
		t.Fatalf("the program %d does not run: %v", pid, err)
	}
	_ = self.Process.Kill()
	_ = self.Wait()
	for deadline := time.Now().Add(10 * time.Second); runs(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the program %d outlives who started it", pid)
		}
	}
}
