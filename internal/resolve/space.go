package resolve

import (
	"fmt"

	units "github.com/docker/go-units"

	"github.com/quarry-project/quarry/internal/plan"
)

// What an installed system takes beyond its packages' files: the file system's own structures and the ends of blocks in proportion; the initial
// RAM disk, RPM's database and what scripts write whatever the size.
const (
	roomPercent = 15
	roomFixed   = 200 << 20
)

// SpaceError is a set of packages that the image's file systems have no room for. Sizes are bytes.
type SpaceError struct {
	Packages int
	Files    int64 // what the packages say that they take
	Need     int64 // with head room
	Have     int64
}

func (e *SpaceError) Error() string {
	size := func(n int64) string { return units.BytesSize(float64(n)) }
	return fmt.Sprintf("the %d packages take %s, with head room %s, and the file systems that they go to have %s: make the root file system larger "+
		"(disk.size in the pipeline, part or logvol in the kickstart), or leave packages out", e.Packages, size(e.Files), size(e.Need), size(e.Have))
}

// checkSpace holds the packages against what the plan's disk has room for. It is a coarse check that saves an install that can't end well: a
// disk that %pre divides may have less.
func checkSpace(disk plan.Disk, packages []Package) error {
	e := &SpaceError{Packages: len(packages), Have: disk.Packages}
	for _, p := range packages {
		e.Files += p.Installed
	}
	if e.Need = e.Files + e.Files*roomPercent/100 + roomFixed; e.Need > e.Have {
		return e
	}
	return nil
}
