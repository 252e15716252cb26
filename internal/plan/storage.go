package plan

import (
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

const mib = 1 << 20

// tableSpace is what the partition tables and the alignment of a disk take, in MiB.
const tableSpace = 2

// reqpart's partitions, in MiB, at their largest: BIOS boot, PReP, EFI system partition, /boot.
const (
	reqpartSize     = 1 + 4 + 600
	reqpartBootSize = 1024
)

// checkStorage returns what the storage commands ask for and Quarry can't do, or that can't fit on a disk of size bytes.
// Partitions that %pre makes are only known in the machine.
func checkStorage(ks *kickstart.File, size int64) (problems kickstart.Problems) {
	const noLUKS = "an image whose key is public protects nothing: leave out --encrypted"
	auto, hasAuto := ks.AutoPart()
	if hasAuto {
		at := position(ks, "autopart")
		if auto.Encrypted {
			problems = append(problems, problem(at, noLUKS, "encrypted partitions can't be made"))
		}
		if auto.Type == "btrfs" || auto.Type == "thinp" {
			problems = append(problems, problem(at, "use --type=plain or --type=lvm", "autopart --type=%s can't be carried out", auto.Type))
		}
	}
	used := int64(tableSpace)
	if required, ok := ks.ReqPart(); ok {
		used += reqpartSize
		if required.AddBoot {
			used += reqpartBootSize
		}
	}
	mounts := map[string]kickstart.Position{}
	claim := func(mount string, at kickstart.Position) {
		if first, taken := mounts[mount]; taken && mount != "swap" {
			problems = append(problems, problem(at, "leave one of them out", "%s is already at %s", mount, first))
		}
		mounts[mount] = at
	}
	var last kickstart.Position
	for _, p := range ks.Partitions() {
		claim(p.Mount, p.Pos)
		last = p.Pos
		if p.Encrypted {
			problems = append(problems, problem(p.Pos, noLUKS, "encrypted partitions can't be made"))
		}
		if strings.HasPrefix(p.Mount, "raid.") || strings.HasPrefix(p.Mount, "btrfs.") {
			problems = append(problems, problem(p.Pos, refused()["raid"], "%s can't be made", p.Mount))
		}
		if p.OnPart == "" {
			used += p.Size
		}
	}
	if used*mib > size {
		problems = append(problems, problem(last, "enlarge disk.size in the pipeline, or make the partitions smaller",
			"the partitions need %d MiB and the disk has %d MiB", used, size/mib))
	}
	for _, g := range ks.VolGroups() {
		for _, member := range g.Members {
			if _, ok := mounts[member]; !ok {
				problems = append(problems, problem(g.Pos, "add: part "+member+" --size=…", "the volume group %s needs %s, which no part command makes", g.Name, member))
			}
		}
	}
	for _, v := range ks.LogVols() {
		if v.Mount != "" && v.Mount != "none" {
			claim(v.Mount, v.Pos)
		}
		switch {
		case v.Encrypted:
			problems = append(problems, problem(v.Pos, noLUKS, "encrypted volumes can't be made"))
		case v.ThinPool, v.Thin, v.CacheSize > 0:
			problems = append(problems, problem(v.Pos, "use plain logical volumes", "thin pools and caches can't be made"))
		case !slices.ContainsFunc(ks.VolGroups(), func(g kickstart.VolGroup) bool { return g.Name == v.VolGroup }):
			problems = append(problems, problem(v.Pos, "", "there is no volume group %q", v.VolGroup))
		}
	}
	if _, ok := mounts["/"]; !ok && !hasAuto {
		problems = append(problems, problem(kickstart.Position{File: ks.Name, Line: 1, Column: 1}, "add: part / --size=… or autopart", "nothing is mounted at /"))
	}
	return problems
}

// position is where a command stands.
func position(ks *kickstart.File, name string) kickstart.Position {
	if c, ok := ks.Command(name); ok {
		return c.Pos
	}
	return kickstart.Position{File: ks.Name, Line: 1, Column: 1}
}
