package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
)

// container looks at a root file system, which the tar has: programs of it run in it, in containers where the host can run them, else
// in a machine.
func (v verifier) container(ctx context.Context, s setup, tar artifact.File, work string) (Boot, error) {
	probes := containerProbes(s.Release, s.Packages)
	b, err := v.inPodman(ctx, s, tar.Path, work, probes)
	if !errors.Is(err, errNoPodman) {
		return b, err
	}
	s.Report.Log(firstLine(err.Error()) + "; it is looked at in a machine")
	in := Inspection{Inspection: wire.Inspection{Layer: true}, Path: tar.Path, Format: "raw", Room: 2*tar.Size + 1<<30}
	return v.inspected(ctx, s, in, probes)
}

// containerProbes are what is looked at in a root file system.
func containerProbes(release string, packages []artifact.Package) []probe {
	list := []probe{
		{"mount points", wire.Command{Script: emptyMountPoints, Outside: true}, judgeNothing("the kernel's folders are empty")},
		{"devices", wire.Command{Script: "find " + wire.Image + ` -xdev \( -type b -o -type c -o -type s \) -print | head`, Outside: true}, judgeNothing("there are none")},
		{"shell", wire.Command{Script: `test "$(id -u)" = 0 && f=$(mktemp) && echo written >"$f" && rm "$f" && uname -m`}, judgeRuns},
		{"os-release", wire.Command{Script: osRelease}, func(a answer) (bool, string) { return judgeRelease(a, release) }},
	}
	hasRPM := slices.ContainsFunc(packages, func(p artifact.Package) bool { return p.Name == "rpm" })
	if packages != nil && hasRPM {
		list = append(list, probe{"packages", wire.Command{Script: queryPackages}, func(a answer) (bool, string) { return judgePackages(a, packages) }})
	}
	return list
}

// emptyMountPoints lists what is in folders that a container's runtime mounts over. /run is not among them: images keep folders there.
const emptyMountPoints = `cd ` + wire.Image + ` && for d in proc sys dev; do [ -d "$d" ] || echo "/$d is missing"; ls -A "$d" | sed "s,^,/$d/," | head -n 3; done`

// judgeNothing is content with a command that finds nothing.
func judgeNothing(good string) func(answer) (bool, string) {
	return func(a answer) (bool, string) {
		if found := strings.Fields(a.out); a.code == 0 && len(found) == 0 {
			return true, good
		}
		return false, "found " + printable(a.both())
	}
}

// judgeRuns reads what a command said that had to succeed.
func judgeRuns(a answer) (bool, string) {
	if a.code != 0 {
		return false, fmt.Sprintf("ended with %d: %s", a.code, printable(a.both()))
	}
	return true, "runs on " + printable(a.both())
}

// judgeRelease reads "rocky 9.6".
func judgeRelease(a answer, release string) (bool, string) {
	said := printable(a.both())
	f := strings.Fields(said)
	if a.code != 0 || len(f) != 2 {
		return false, "/etc/os-release has no ID and VERSION_ID: " + said
	}
	major, _, _ := strings.Cut(f[1], ".")
	if major != release {
		return false, fmt.Sprintf("it is %s, and release %s was to be built", said, release)
	}
	return true, said
}

// osRelease prints "rocky 9.6".
const osRelease = `. /etc/os-release && echo "$ID $VERSION_ID"`
