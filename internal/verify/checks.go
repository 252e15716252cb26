package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// check is one look at the guest. What look returns as an error means that nothing could be seen.
type check struct {
	name string
	look func(context.Context, remote) (passed bool, detail string, err error)
}

// checks are what this trial looks at, in order: cloud-init first, since it is the last thing that changes a starting system.
func (t trial) checks() []check {
	list := []check{
		{"cloud-init", ask("cloud-init status --wait >/dev/null 2>&1; cloud-init status --format json 2>/dev/null || cloud-init status --long", judgeCloudInit)},
		{"systemd", t.systemd},
		{"root", ask("findmnt -nro SOURCE,FSTYPE,OPTIONS / && "+writeRoot, judgeRoot)},
	}
	if t.Packages != nil {
		list = append(list, check{"packages", ask("sudo -n "+queryPackages, func(a answer) (bool, string) { return judgePackages(a, t.Packages) })})
	}
	if t.Grow > 0 {
		list = append(list, check{"growth", ask("lsblk -bnro TYPE,SIZE /dev/vda && df -B1 --output=size /", judgeGrowth)})
	}
	return list
}

// writeRoot writes to the root file system itself, through to the disk.
const writeRoot = `sudo -n sh -c 'f=$(mktemp /.quarry-verify.XXXXXX) && echo written >"$f" && sync "$f" && rm "$f"'`

// ask makes a check of one command and a pure function that judges its answer.
func ask(command string, judge func(answer) (bool, string)) func(context.Context, remote) (bool, string, error) {
	return func(ctx context.Context, g remote) (bool, string, error) {
		a, err := g.run(ctx, command)
		if err != nil {
			return false, "", err
		}
		passed, detail := judge(a)
		return passed, detail, nil
	}
}

// Bounds of what a failed system is asked for.
const (
	maxUnits     = 5
	journalLines = 10
)

// systemd waits until the system has started and asks failed units for their last words. `is-system-running --wait` is not in every release.
func (t trial) systemd(ctx context.Context, g remote) (bool, string, error) {
	for {
		a, err := g.run(ctx, "systemctl is-system-running")
		if err != nil {
			return false, "", err
		}
		switch state := printable(a.out); state {
		case "running":
			return true, state, nil
		case "initializing", "starting":
		default:
			return failedUnits(ctx, g, state, t.MayFail)
		}
		select {
		case <-time.After(t.pause):
		case <-ctx.Done():
			return false, "", fmt.Errorf("the system is still starting: %w", context.Cause(ctx))
		}
	}
}

// failedUnits tells why the state is not running. Units that may fail are told of; they alone don't fail the check.
func failedUnits(ctx context.Context, g remote, state string, mayFail []string) (bool, string, error) {
	a, err := g.run(ctx, "systemctl list-units --failed --plain --no-legend --no-pager")
	if err != nil {
		return false, "", err
	}
	units := unitNames(a.out)
	expected := func(unit string) bool { return slices.Contains(mayFail, unit) }
	forgiven := state == "degraded" && len(units) > 0 && !slices.ContainsFunc(units, func(u string) bool { return !expected(u) })
	if forgiven {
		return true, "running but for " + listed(units) + ", which can only start in the image's own cloud", nil
	}
	detail := fmt.Sprintf("%s; failed units: %s", state, listed(units))
	for _, unit := range units[:min(len(units), maxUnits)] {
		command := fmt.Sprintf("sudo -n journalctl -b --no-pager -o cat -n %d -u %s", journalLines, quoted(unit))
		if a, err = g.run(ctx, command); err != nil {
			return false, "", err
		}
		detail += "\n" + unit + ":"
		for line := range strings.Lines(a.both()) {
			detail += "\n  " + printable(line)
		}
	}
	return false, detail, nil
}

// unitNames are the first words of the lines.
func unitNames(list string) []string {
	var names []string
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 0 {
			names = append(names, printable(fields[0]))
		}
	}
	return names
}

// maxListed is how many names a detail holds.
const maxListed = 10

// listed joins names, the first ten of them.
func listed(names []string) string {
	text := strings.Join(names[:min(len(names), maxListed)], ", ")
	if more := len(names) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// printable makes a guest's text one safe line.
func printable(s string) string { return strings.TrimSpace(wire.Clean(s)) }

// firstLine is a text's first line.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
