package packages

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/nevra"
)

// maxPackages bounds a manifest: it comes from a machine that ran foreign scripts. The largest desktops have some 2,500.
const maxPackages = 50_000

// Manifest reads the lines of wire.Result.Packages, "NAME EPOCH VERSION RELEASE ARCH SIZE", and sorts them by name.
func Manifest(lines []string) ([]artifact.Package, error) {
	if len(lines) > maxPackages {
		return nil, fmt.Errorf("the machine lists %d packages; more than %d is not believable", len(lines), maxPackages)
	}
	packages := make([]artifact.Package, 0, len(lines))
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 6 {
			return nil, fmt.Errorf("the machine's package list has %q: want NAME EPOCH VERSION RELEASE ARCH SIZE", line)
		}
		size, err := strconv.ParseInt(f[5], 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("the machine's package list has size %q for %s", f[5], f[0])
		}
		packages = append(packages, artifact.Package{
			NEVRA: nevra.NEVRA{Name: f[0], Epoch: f[1], Version: f[2], Release: f[3], Arch: f[4]}, Size: size,
		})
	}
	sort.Slice(packages, func(i, j int) bool { return packages[i].String() < packages[j].String() })
	return packages, nil
}
