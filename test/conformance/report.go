package conformance

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// share is how many of all agree.
type share struct{ verdict, meaning, accepted, all int }

func (s share) String() string {
	return fmt.Sprintf("verdict %d/%d (%.2f %%), meaning %d/%d (%.2f %%)", s.verdict, s.all, percent(s.verdict, s.all),
		s.meaning, s.accepted, percent(s.meaning, s.accepted))
}

func percent(part, all int) float64 {
	if all == 0 {
		return 100
	}
	return 100 * float64(part) / float64(all)
}

// tally counts agreement by version and command.
type tally struct {
	shares map[kickstart.Version]map[string]*share
}

func (t *tally) count(v kickstart.Version, command string, want result, what string) {
	if t.shares == nil {
		t.shares = map[kickstart.Version]map[string]*share{}
	}
	if t.shares[v] == nil {
		t.shares[v] = map[string]*share{}
	}
	if command == "" {
		command = "(several)"
	}
	for _, name := range []string{"", command} {
		s := t.shares[v][name]
		if s == nil {
			s = &share{}
			t.shares[v][name] = s
		}
		s.all++
		if what != "verdict" {
			s.verdict++
		}
		if want.Outcome != "error" {
			s.accepted++
			if what == "" {
				s.meaning++
			}
		}
	}
}

// String is a line per version, then a line per command with the shares of every version.
func (t *tally) String() string {
	var b strings.Builder
	names := map[string]bool{}
	for _, v := range kickstart.Versions() {
		fmt.Fprintf(&b, "%-7s %s\n", v, t.shares[v][""])
		for name := range t.shares[v] {
			names[name] = name != ""
		}
	}
	var sorted []string
	for name, real := range names {
		if real {
			sorted = append(sorted, name)
		}
	}
	slices.Sort(sorted)
	fmt.Fprintf(&b, "%-20s verdict and meaning by version\n", "command")
	for _, name := range sorted {
		fmt.Fprintf(&b, "%-20s", name)
		for _, v := range kickstart.Versions() {
			if s := t.shares[v][name]; s != nil {
				fmt.Fprintf(&b, " %4d/%-4d %4d/%-4d", s.verdict, s.all, s.meaning, s.accepted)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// disagreements are the vectors that are known to differ: "ID VERSION" to "verdict" or "meaning".
type disagreements map[string]string

// readDisagreements reads lines "ID VERSION,VERSION,… verdict|meaning" under a comment that gives their reason.
func readDisagreements(name string) (disagreements, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	known := disagreements{}
	reason := ""
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			reason = strings.TrimSpace(strings.TrimPrefix(line, "#"))
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "verdict" && fields[2] != "meaning" {
			return nil, fmt.Errorf("%s:%d: want ID VERSIONS verdict|meaning", name, number)
		}
		if reason == "" {
			return nil, fmt.Errorf("%s:%d: no reason is given above", name, number)
		}
		for version := range strings.SplitSeq(fields[1], ",") {
			known[fields[0]+" "+version] = fields[2]
		}
	}
	return known, lines.Err()
}

// take is in what the vector is known to differ, "" when it isn't listed. It is asked once for each.
func (d disagreements) take(id string, v kickstart.Version) string {
	key := id + " " + v.String()
	what := d[key]
	delete(d, key)
	return what
}

// rest are the entries that nobody asked for.
func (d disagreements) rest() (keys []string) {
	for key := range d {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
