package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/command"
)

// wantIDs is how many ids a system has by convention: 0 to 65535. Packages own files as any of them.
const wantIDs = 65536

// idRange maps count ids from inside to outside.
type idRange struct{ Inside, Outside, Count int }

// idMaps is how the ids of the sandbox map to the host's.
type idMaps struct {
	direct bool // written by ourselves: we are root
	users  []idRange
	groups []idRange
}

// hostIDs finds the ids that this user may use: root has all of them, others what /etc/subuid and /etc/subgid give.
func hostIDs() (idMaps, error) {
	if os.Geteuid() == 0 {
		whole := []idRange{{0, 0, wantIDs}}
		return idMaps{direct: true, users: whole, groups: whole}, nil
	}
	me := strconv.Itoa(os.Geteuid())
	names := []string{me}
	if u, err := user.LookupId(me); err == nil {
		names = append(names, u.Username)
	}
	var m idMaps
	var err error
	if m.users, err = readSubordinate("/etc/subuid", names, os.Geteuid()); err != nil {
		return idMaps{}, err
	}
	if m.groups, err = readSubordinate("/etc/subgid", names, os.Getegid()); err != nil {
		return idMaps{}, err
	}
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(program); err != nil {
			return idMaps{}, &UnsupportedError{
				Reason: program + " is not installed", Fix: "install uidmap (Debian, Ubuntu) or shadow-utils-subid and shadow-utils (Rocky, Fedora)",
			}
		}
	}
	return m, nil
}

func readSubordinate(file string, names []string, own int) ([]idRange, error) {
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	ranges := subordinate(string(text), names, own)
	if total := count(ranges); total < wantIDs {
		return nil, &UnsupportedError{
			Reason: fmt.Sprintf("%s gives %s %d ids of %d", file, names[len(names)-1], total-1, wantIDs-1),
			Fix:    "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + names[len(names)-1],
		}
	}
	return ranges, nil
}

// subordinate maps 0 to the user's own id and the rest to the ranges that text (a subuid(5) file) gives one of names, no more than
// a system needs. Lines that are not understood give nothing: newuidmap judges them too.
func subordinate(text string, names []string, own int) []idRange {
	ranges := []idRange{{0, own, 1}}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) != 3 || !slices.Contains(names, fields[0]) {
			continue
		}
		first, err1 := strconv.ParseUint(fields[1], 10, 31)
		size, err2 := strconv.ParseUint(fields[2], 10, 31)
		size = min(size, uint64(wantIDs-count(ranges)))
		if err1 != nil || err2 != nil || size == 0 {
			continue
		}
		ranges = append(ranges, idRange{count(ranges), int(first), int(size)})
	}
	return ranges
}

func count(ranges []idRange) int {
	total := 0
	for _, r := range ranges {
		total += r.Count
	}
	return total
}

// apply gives the process its ids.
func (m idMaps) apply(ctx context.Context, pid int) error {
	if m.direct {
		for name, ranges := range map[string][]idRange{"uid_map": m.users, "gid_map": m.groups} {
			file := fmt.Sprintf("/proc/%d/%s", pid, name)
			if err := os.WriteFile(file, []byte(strings.Join(words(ranges), " ")), 0); err != nil {
				return &UnsupportedError{Reason: fmt.Sprintf("mapping ids: %v", err), Fix: "in a container, give it the ids 0 to 65535"}
			}
		}
		return nil
	}
	for program, ranges := range map[string][]idRange{"newuidmap": m.users, "newgidmap": m.groups} {
		args := append([]string{program, strconv.Itoa(pid)}, words(ranges)...)
		if err := command.Run(ctx, command.Cmd{Args: args}); err != nil {
			return &UnsupportedError{
				Reason: err.Error(), Fix: program + " needs to be setuid root or to have its file capability",
			}
		}
	}
	return nil
}

func words(ranges []idRange) []string {
	var w []string
	for _, r := range ranges {
		w = append(w, strconv.Itoa(r.Inside), strconv.Itoa(r.Outside), strconv.Itoa(r.Count))
	}
	return w
}
