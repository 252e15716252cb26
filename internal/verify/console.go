package verify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/vm"
)

// consoleLines is how many of the console's last lines are looked through for the prompt: messages of the kernel may follow it.
const consoleLines = 20

// prompt is what getty prints: the host's name and "login:", and nothing behind it.
var prompt = regexp.MustCompile(`^\S+ login:$`)

// failedUnit is how systemd tells the console of a unit that failed; it does so on a quiet console too.
var failedUnit = regexp.MustCompile(`\[FAILED\] (Failed to start .*|.* failed.*)$`)

// notSeenByConsole is what such a boot leaves open.
const notSeenByConsole = "nobody logged in: packages, units and the root file system were not asked for"

// notSeenWithoutButton is what is left open where the system's kernel needn't know the machine's power button.
const notSeenWithoutButton = "it was not asked to power off: a Pi has no button for that, and its kernel need not know this machine's"

// console waits for the login prompt of a system that has no account for us, and looks at what it told its console until then.
func (t trial) console(ctx, alive context.Context) error {
	t.notSeen(notSeenByConsole)
	if err := t.prompt(alive); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(t.boot.Console), vm.ConsoleLog)) // bounded by vm
	if err != nil {
		return err
	}
	t.check("console", true, fmt.Sprintf("asked for a login after %.0f s", t.boot.Login))
	failed := failuresOn(string(text))
	if len(failed) > 0 {
		t.check("units", false, listed(failed))
	} else {
		t.check("units", true, "the console was told of none that failed")
	}
	if t.noButton {
		t.boot.NotSeen += "; " + notSeenWithoutButton
		return nil
	}
	asked := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, powerOffTime, fmt.Errorf("it did not within %s", powerOffTime))
	defer cancel()
	if err := t.machine.Stop(ctx); err != nil {
		return fmt.Errorf("the power button was pressed: %w", err)
	}
	t.check("shutdown", true, fmt.Sprintf("powered off in %.0f s", seconds(asked)))
	return nil
}

// prompt waits for the prompt and tells people what the console shows meanwhile.
func (t trial) prompt(ctx context.Context) error {
	t.log("boots with firmware %s (%s)", t.boot.Firmware, t.boot.Accel)
	ctx, cancel := context.WithTimeoutCause(ctx, t.Login, fmt.Errorf("the time for it, %s, is over", t.Login))
	defer cancel()
	go t.news(ctx)
	for {
		for _, line := range t.machine.ConsoleTail(consoleLines) {
			if prompt.MatchString(strings.TrimSpace(line)) {
				t.boot.Login = seconds(t.started)
				return nil
			}
		}
		select {
		case <-time.After(t.pause):
		case <-ctx.Done():
			return fmt.Errorf("no login prompt on the console: %w", context.Cause(ctx))
		}
	}
}

// escape is a terminal's control sequence; systemd colours its words.
var escape = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// failuresOn finds what systemd told the console of failures.
func failuresOn(console string) []string {
	var found []string
	for line := range strings.Lines(escape.ReplaceAllString(console, "")) {
		if m := failedUnit.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			found = append(found, printable(m[1]))
		}
	}
	return found
}

// check notes the result of a check.
func (t trial) check(name string, passed bool, detail string) {
	t.boot.Checks = append(t.boot.Checks, Check{Name: name, Passed: passed, Detail: detail})
	t.log("%s", said(name, passed, detail))
}
