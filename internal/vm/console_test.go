package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestConsoleKeepsAllOnDiskAndTheEndInMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.log")
	c, err := newConsole(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		fmt.Fprintf(c, "line %d\r\n", i)
	}
	// A line may come in pieces, and the last one without an end.
	for _, piece := range []string{"[  OK  ] Rea", "ched target\nlog", "in: "} {
		if n, err := c.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	c.close()
	if got, want := c.tail(3), []string{"line 999", "[  OK  ] Reached target", "login: "}; !slices.Equal(got, want) {
		t.Errorf("the tail is %q, want %q", got, want)
	}
	if got := len(c.tail(5000)); got > maxTail+1 {
		t.Errorf("%d lines are in memory", got)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "line 0\r\nline 1\r\n") || !strings.HasSuffix(string(text), "login: ") {
		t.Errorf("the log is incomplete: %v", err)
	}
}

func TestConsoleBoundsALineWithoutEnd(t *testing.T) {
	c, err := newConsole(filepath.Join(t.TempDir(), "console.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 64 {
		_, _ = c.Write([]byte(strings.Repeat("x", 1<<10)))
	}
	if got := c.tail(1); len(got) != 1 || len(got[0]) != maxColumn {
		t.Errorf("an endless line is kept as %d lines", len(got))
	}
}

func TestConsoleBoundsTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.log")
	c, err := newConsole(path)
	if err != nil {
		t.Fatal(err)
	}
	c.written = maxLog - 3 // as after much output
	_, _ = c.Write([]byte("abcdef\n"))
	_, _ = c.Write([]byte("later\n"))
	c.close()
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "abc\n(cut here") || strings.Contains(string(text), "later") {
		t.Errorf("the log is %q, %v", text, err)
	}
	if got := c.tail(2); !slices.Equal(got, []string{"abcdef", "later"}) {
		t.Errorf("the tail is %q", got)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"[\x1b[0;32m  OK  \x1b[0m] Started":    "[  OK  ] Started",
		"\x1b]0;owned\x07title":                "title",
		"\x1b[2J\x1b[H\x1b[?25lclear":          "clear",
		"\x1bcreset\r":                         "reset",
		"tab\there\x00\x9b31m":                 "tab here31m",
		"plain, with umlauts: äöü and \x1b[K…": "plain, with umlauts: äöü and …",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q is printed as %q, want %q", in, got, want)
		}
	}
}

func TestLikelyCause(t *testing.T) {
	for _, test := range []struct{ console, want string }{
		{"login: ", ""},
		{"KVM internal error. Suberror: 1", "KVM does not work"},
		{"[ 1.0] Kernel panic - not syncing: Attempted to kill init!", "the guest's kernel panicked"},
		// The panic is the consequence of what is above it.
		{"[ 1.0] VFS: Cannot open root device \"vda9\"\n[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "root file system was not found"},
		{"[ 9.1] Out of memory: Killed process 61 (dnf) total-vm:1k\n[9.2] Kernel panic - not syncing: x", "ran out of memory"},
		{"dnf: [Errno 28] No space left on device", "a disk is full"},
		{"[ 0.9] Run /quarry/agent as init process\n[ 0.9] Failed to execute /quarry/agent (error -8)\n Kernel panic - not syncing: Requested init /quarry/agent failed (error -8).", "rdinit="},
		{"dracut-initqueue[300]: Warning: dracut-initqueue timeout\nWarning: /dev/disk/by-uuid/12-34 does not exist", "root file system was not found"},
		{"BdsDxe: failed to load Boot0001 \"UEFI Misc Device\"", "the firmware found nothing to boot"},
		{"error: no such device: 8d2-11.\ngrub rescue> ", "boot loader did not find its files"},
		{"You are in emergency mode. After logging in, type", "emergency mode"},
		{"[ 3.0] XFS (vda3): Metadata corruption detected\n[ 3.1] blk_update_request: I/O error, dev vda, sector 8", "a disk can't be read"},
		{"Fatal glibc error: CPU does not support x86-64-v3", "CPU is older"},
		{"qemu-system-x86_64: Failed to get \"write\" lock", "using the same disk"},
		{"qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory", "too little memory"},
		{"[ 90.1] watchdog: BUG: soft lockup - CPU#1 stuck for 22s!", "stood still"},
		{"watchdog: BUG: soft lockup - CPU#1 stuck for 48s!\n[FAILED] Failed to mount boot-efi.mount\nYou are in emergency mode. After logging in, type", "stood still"},
	} {
		got := LikelyCause(strings.Split(test.console, "\n"))
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%q is explained by %q, want %q", test.console, got, test.want)
		}
	}
}
