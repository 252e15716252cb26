package verify

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/vm"
)

// Inspection is what a Looker is to look at.
type Inspection struct {
	wire.Inspection
	Path   string // absolute
	Format string // QEMU's name
	Room   int64  // bytes to unpack a root file system in
	Dir    string // existing folder for the machine's console
}

// Looker starts a machine that has its own system, gives it the image and returns what its commands said, in their order. The image is not changed.
type Looker func(context.Context, Inspection, progress.Func) ([]wire.Answer, error)

// errNoLooker is a wish that only a build can grant.
var errNoLooker = errors.New("looking at it needs a machine with a system of its own, which only a build has: the kernel of the distribution's installer tree")

// probe is a check by one command in or beside an image that is not booted.
type probe struct {
	name    string
	command wire.Command
	judge   func(answer) (bool, string)
}

// inspected is one look at an image in a machine.
func (v verifier) inspected(ctx context.Context, s setup, in Inspection, probes []probe) (Boot, error) {
	b := Boot{Method: s.Method, NotSeen: "nothing booted: its init and services did not run", Accel: string(s.Accel), By: "unpacked in a machine"}
	if s.Method == Inspect {
		b.By = "mounted in a machine"
		b.NotSeen = "it did not boot, as QEMU has no machine whose firmware reads such a disk: its kernel, init and services did not run"
	}
	if s.Look == nil {
		return b, errNoLooker
	}
	for _, p := range probes {
		in.Commands = append(in.Commands, p.command)
	}
	in.Dir = s.Dir
	started := time.Now()
	answers, err := s.Look(ctx, in, s.Report)
	b.Seconds, b.Console = seconds(started), filepath.Join(s.Dir, vm.ConsoleLog)
	if ctx.Err() != nil {
		return b, context.Cause(ctx)
	}
	var guest *vm.GuestError // the agent could not open the image
	if errors.As(err, &guest) {
		b.Error = err.Error()
		return b, nil
	}
	if err != nil {
		return b, err
	}
	for n, p := range probes {
		passed, detail := p.judge(answer{out: answers[n].Out, code: answers[n].Exit})
		b.Checks = append(b.Checks, Check{Name: p.name, Passed: passed, Detail: detail})
		s.told(p.name, passed, detail, n+1, len(probes))
	}
	b.Passed = allPassed(b.Checks)
	return b, nil
}

// allPassed reports whether there were checks and all of them passed.
func allPassed(checks []Check) bool {
	for _, c := range checks {
		if !c.Passed {
			return false
		}
	}
	return len(checks) > 0
}

// told reports the result of a check.
func (s setup) told(name string, passed bool, detail string, n, all int) {
	s.Report.Log(said(name, passed, detail))
	s.Report.Count(string(s.Method), int64(n), int64(all), "checks")
}

// said puts the result of a check on a line.
func said(name string, passed bool, detail string) string {
	word := "passed"
	if !passed {
		word = "failed"
	}
	return fmt.Sprintf("%s %s: %s", name, word, firstLine(detail))
}
