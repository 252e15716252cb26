package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/quarry-project/quarry/internal/progress"
)

// variant writes a folder with small.ks, changed by edit, and returns the folder.
func variant(t *testing.T, edit func(string) string) string {
	t.Helper()
	base, err := os.ReadFile("testdata/kickstarts/small.ks")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "small.ks"), []byte(edit(string(base))), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// post replaces what small.ks does in %post.
func post(script string) func(string) string {
	return func(ks string) string {
		return strings.Replace(ks, `echo "quarry was here" > /etc/motd`, script, 1)
	}
}

// TestBadKickstart shows what people read who have made a mistake: file, line, column and what is allowed.
func TestBadKickstart(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"unknown command": {"keyboard us", "keybord us", []string{"small.ks:4:1", "keybord", "keyboard"}},
		"missing include": {"text\n", "%include nowhere.ks\n", []string{"small.ks:2:", "nowhere.ks"}},
		"wrong option":    {"--initlabel", "--initlable", []string{"small.ks:8:", "--initlable", "--initlabel"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := variant(t, func(ks string) string { return strings.Replace(ks, c.from, c.to, 1) })
			r := w.run(t, w.pebbleBuild(dir, "small.ks")...)
			if r.code != 1 {
				t.Errorf("exit code %d; want 1", r.code)
			}
			for _, want := range c.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("the message lacks %q:\n%s", want, r.stderr)
				}
			}
		})
	}
}

// TestPackageThatCannotBeHad names the package, the line that wants it, and where it was looked for.
func TestPackageThatCannotBeHad(t *testing.T) {
	w := newWorld(t)
	dir := variant(t, func(ks string) string { return strings.Replace(ks, "coreutils\n", "coreutils\nno-such-package\n", 1) })
	r := w.run(t, w.pebbleBuild(dir, "small.ks")...)
	if r.code != 1 {
		t.Errorf("exit code %d; want 1", r.code)
	}
	for _, want := range []string{"no-such-package", "small.ks:17", "baseos", "appstream"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("the message lacks %q:\n%s", want, r.stderr)
		}
	}
}

// TestFailureForMachines: with --json every error is an event, also one that comes before any step.
func TestFailureForMachines(t *testing.T) {
	w := newWorld(t)
	for name, args := range map[string][]string{
		"no such mirror": {"build", "--distro", "pebble", "--arch", "x86_64", "--mirror", "file:///nonexistent", "--work", w.work, "--json"},
		"no such distro": {"build", "--distro", "nowhere", "--work", w.work, "--json"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.run(t, args...)
			last := progress.Event{}
			for line := range strings.Lines(r.stderr) {
				if err := json.Unmarshal([]byte(line), &last); err != nil {
					t.Fatalf("not JSON: %v\n%s", err, line)
				}
			}
			if r.code == 0 || last.Kind != progress.Failed || last.Message == "" {
				t.Errorf("exit code %d, last event %+v; want a failed one with its reason", r.code, last)
			}
		})
	}
}

// TestScriptThatFails ends the build with the script's place and its last words, publishes nothing, and the next run goes on after the last
// finished step.
func TestScriptThatFails(t *testing.T) {
	w := newWorld(t)
	publish := filepath.Join(t.TempDir(), "published")
	dir := variant(t, post("echo these were my last words\nfalse"))
	args := w.pebbleBuild(dir, "small.ks", "--publish", publish, "--json")
	r := w.run(t, args...)
	if r.code != 1 {
		t.Errorf("exit code %d; want 1", r.code)
	}
	for _, want := range []string{"small.ks:19", "these were my last words"} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("the events lack %q:\n%s", want, r.stderr)
		}
	}
	var result struct{ Error, Logs string }
	if err := json.Unmarshal([]byte(r.stdout), &result); err != nil || !strings.Contains(result.Error, "small.ks:19") || result.Logs == "" {
		t.Errorf("the result for machines: %v, %+v", err, result)
	}
	if names, _ := filepath.Glob(filepath.Join(publish, "*")); len(names) != 0 {
		t.Errorf("the published tree was touched: %v", names)
	}
	again := steps(t, w.run(t, args...))
	if again["tree"] != progress.Skipped || again["disk"] != progress.Failed {
		t.Errorf("the second run: %v; want the tree kept and the disk tried again", again)
	}
	if left := w.machines(t); len(left) != 0 {
		t.Errorf("machines are left: %v", left)
	}
}

// TestScriptThatHangs is ended by the silence deadline, although the agent still answers.
func TestScriptThatHangs(t *testing.T) {
	w := newWorld(t)
	dir := variant(t, post("sleep 100000"))
	r := w.run(t, w.pebbleBuild(dir, "small.ks", "--silence", "45s")...)
	if r.code != 1 || !strings.Contains(r.stderr, "hangs") || !strings.Contains(r.stderr, "logs: ") {
		t.Errorf("exit code %d; want 1 and a word of what hangs:\n%s", r.code, r.stderr)
	}
	if left := w.machines(t); len(left) != 0 {
		t.Errorf("machines are left: %v", left)
	}
}

// TestInterrupted ends a build while its machine runs, by Ctrl-C and by SIGKILL. No machine outlives it, and the next run goes on.
func TestInterrupted(t *testing.T) {
	for _, c := range []struct {
		name        string
		signal      syscall.Signal
		step, phase string
		base        progress.Kind // what the second run does with the disk before %post
	}{
		{"SIGINT while the tree is copied", syscall.SIGINT, "base", "copy", progress.Done},
		{"SIGKILL in a script", syscall.SIGKILL, "disk", "scripts", progress.Skipped},
	} {
		name, signal := c.name, c.signal
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			dir := variant(t, post("sleep 5 # "+name))
			args := w.pebbleBuild(dir, "small.ks", "--json")
			cmd := exec.Command(w.program, args...)
			events, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if !waitForPhase(events, c.step, c.phase) {
				t.Fatalf("the machine never came to the phase %s", c.phase)
			}
			if len(w.machines(t)) == 0 {
				t.Error("no machine runs while the disk is made: the test looks at the wrong place")
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // its end is looked at below
			if signal == syscall.SIGINT && cmd.ProcessState.ExitCode() != 130 {
				t.Errorf("exit code %d; want 130", cmd.ProcessState.ExitCode())
			}
			gone := false
			for range 50 {
				if gone = len(w.machines(t)) == 0; gone {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if !gone {
				t.Errorf("machines are left: %v", w.machines(t))
			}
			// The image has no boot loader, so verifying it must fail: it is the disk that counts here.
			again := steps(t, w.run(t, w.pebbleBuild(dir, "small.ks", "--json", "--no-verify")...))
			if again["tree"] != progress.Skipped || again["base"] != c.base || again["disk"] != progress.Done {
				t.Errorf("the second run: %v; want the tree kept, the base %s and the disk done", again, c.base)
			}
		})
	}
}

// waitForPhase reads events until one is of the phase.
func waitForPhase(events interface{ Read([]byte) (int, error) }, step, phase string) bool {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e progress.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Step == step && e.Phase == phase {
			// Nobody reads on: what comes must not block the program.
			go func() {
				for lines.Scan() {
				}
			}()
			return true
		}
	}
	return false
}

// TestPackagesInTheMachine installs a small set by the machine instead of the sandbox: the same code, another caller.
func TestPackagesInTheMachine(t *testing.T) {
	w := newWorld(t)
	dir := variant(t, func(ks string) string { return ks })
	args := w.pebbleBuild(dir, "small.ks", "--json", "--no-verify")
	sandbox := w.run(t, append(args, "--packages", "sandbox")...)
	machine := w.run(t, append(args, "--packages", "machine")...)
	if sandbox.code != 0 || machine.code != 0 {
		t.Fatalf("exit codes %d and %d\n%s\n%s", sandbox.code, machine.code, sandbox.stderr, machine.stderr)
	}
	a, b := outcome(t, sandbox).Images[0].Packages, outcome(t, machine).Images[0].Packages
	if len(a) == 0 || len(a) != len(b) {
		t.Fatalf("%d packages by the sandbox, %d by the machine", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("%s by the sandbox, %s by the machine", a[i], b[i])
		}
	}
}

// TestUnsignedAndSpoiledPackages: a package with another key's signature, or other bytes than the metadata says, ends the build by name.
func TestUnsignedAndSpoiledPackages(t *testing.T) {
	w := newWorld(t)
	dir := variant(t, func(ks string) string { return ks })
	t.Run("another key", func(t *testing.T) {
		key := filepath.Join(t.TempDir(), "other.asc")
		writeOtherKey(t, key)
		r := w.run(t, append(w.pebbleBuild(dir, "small.ks"), "--key", key)...)
		if r.code != 1 || !strings.Contains(r.stderr, "sign") && !strings.Contains(r.stderr, "key") {
			t.Errorf("exit code %d:\n%s", r.code, r.stderr)
		}
	})
	t.Run("other bytes", func(t *testing.T) {
		mirror := copyTree(t, w.pebble)
		rpms, err := filepath.Glob(filepath.Join(mirror, "9", "BaseOS", "x86_64", "os", "Packages", "b", "bash-5*.rpm"))
		if err != nil || len(rpms) != 1 {
			t.Fatalf("bash in the tree: %v, %v", rpms, err)
		}
		data, err := os.ReadFile(rpms[0])
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 0xff
		if err := os.Remove(rpms[0]); err != nil { // the copy is made of hard links
			t.Fatal(err)
		}
		if err := os.WriteFile(rpms[0], data, 0o644); err != nil {
			t.Fatal(err)
		}
		other := w
		other.pebble, other.work = mirror, t.TempDir() // nothing may come from the store
		r := other.run(t, other.pebbleBuild(dir, "small.ks")...)
		if r.code != 1 || !strings.Contains(r.stderr, "bash-") || !strings.Contains(r.stderr, "sha256") {
			t.Errorf("exit code %d:\n%s", r.code, r.stderr)
		}
	})
}

// copyTree copies a tree by hard links.
func copyTree(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "mirror")
	if exec.Command("cp", "-al", from, to).Run() == nil {
		return to
	}
	// Another file system: real copies.
	if out, err := exec.Command("cp", "-aT", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return to
}

// writeOtherKey writes a public key that has signed nothing.
func writeOtherKey(t *testing.T, path string) {
	t.Helper()
	entity, err := openpgp.NewEntity("Nobody", "", "nobody@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = errors.Join(entity.Serialize(out), out.Close())
	}
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
