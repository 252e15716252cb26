package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

const noLUKS = "an image whose key is public protects nothing: leave out --encrypted"

// storageCheck collects what the storage commands ask for and Quarry can't do.
type storageCheck struct {
	ks       *kickstart.File
	disk     Disk
	mounts   map[string]kickstart.Position
	problems kickstart.Problems
}

// checkStorage returns what the storage commands ask for and Quarry can't do, or that can't fit on the disk.
// Partitions that %pre makes are only known in the machine.
func checkStorage(ks *kickstart.File, disk Disk) kickstart.Problems {
	c := &storageCheck{ks: ks, disk: disk, mounts: map[string]kickstart.Position{}}
	_, hasAuto := ks.AutoPart()
	if hasAuto {
		c.autopart()
	}
	for _, p := range ks.Partitions() {
		c.partition(p)
	}
	for _, g := range ks.VolGroups() {
		c.group(g)
	}
	for _, v := range ks.LogVols() {
		c.volume(v)
	}
	c.devices()
	c.space()
	if _, ok := c.mounts["/"]; !ok && !hasAuto {
		c.add(kickstart.Position{File: ks.Name, Line: 1, Column: 1}, "add: part / --size=… or autopart", "nothing is mounted at /")
	}
	return c.problems
}

func (c *storageCheck) add(at kickstart.Position, hint, format string, args ...any) {
	c.problems = append(c.problems, problem(at, hint, format, args...))
}

func (c *storageCheck) autopart() {
	auto, _ := c.ks.AutoPart()
	at := position(c.ks, "autopart")
	if auto.Encrypted {
		c.add(at, noLUKS, "encrypted partitions can't be made")
	}
	if auto.Type == "btrfs" || auto.Type == "thinp" {
		c.add(at, "use --type=plain or --type=lvm", "autopart --type=%s can't be carried out", auto.Type)
	}
	if auto.Hibernation {
		c.add(at, "leave out --hibernation", "a swap to hibernate in can't be made: nobody knows how much memory the image's machines have")
	}
	c.fileSystem(at, "autopart", auto.FSType)
	if parts := c.ks.Partitions(); len(parts) > 0 {
		c.add(parts[0].Pos, "leave one of them out", "autopart at %s and part can't be used together", at)
	}
}

// claim notes what is mounted where.
func (c *storageCheck) claim(mount string, at kickstart.Position) {
	if first, taken := c.mounts[mount]; taken && mount != "swap" && mount != "" && mount != "none" {
		c.add(at, "leave one of them out", "%s is already at %s", mount, first)
	}
	c.mounts[mount] = at
}

func (c *storageCheck) partition(p kickstart.Partition) {
	c.claim(p.Mount, p.Pos)
	switch {
	case p.Encrypted:
		c.add(p.Pos, noLUKS, "encrypted partitions can't be made")
	case strings.HasPrefix(p.Mount, "raid.") || strings.HasPrefix(p.Mount, "btrfs."):
		c.add(p.Pos, refused()["raid"], "%s can't be made", p.Mount)
	case p.Resize:
		c.add(p.Pos, "make the partition as large as it has to be in %pre", "partitions that are there can't be resized")
	case p.Hibernation:
		c.add(p.Pos, "use --recommended or --size", "a swap to hibernate in can't be made: nobody knows how much memory the image's machines have")
	}
	c.fileSystem(p.Pos, p.Mount, p.FSType)
}

func (c *storageCheck) group(g kickstart.VolGroup) {
	if g.UseExisting || g.NoFormat {
		c.add(g.Pos, "leave out --useexisting and --noformat", "the volume group %s can only be made anew", g.Name)
	}
	for _, member := range g.Members {
		if _, ok := c.mounts[member]; !ok {
			c.add(g.Pos, "add: part "+member+" --size=…", "the volume group %s needs %s, which no part command makes", g.Name, member)
		}
	}
}

func (c *storageCheck) volume(v kickstart.LogVol) {
	c.claim(v.Mount, v.Pos)
	switch {
	case v.Encrypted:
		c.add(v.Pos, noLUKS, "encrypted volumes can't be made")
	case v.ThinPool, v.Thin, v.CacheSize > 0, len(v.CachePVs) > 0:
		c.add(v.Pos, "use plain logical volumes", "thin pools and caches can't be made")
	case v.UseExisting, v.NoFormat, v.Resize:
		c.add(v.Pos, "leave out --useexisting, --noformat and --resize", "the volume %s can only be made anew", v.Name)
	case v.Hibernation:
		c.add(v.Pos, "use --recommended or --size", "a swap to hibernate in can't be made: nobody knows how much memory the image's machines have")
	case !slices.ContainsFunc(c.ks.VolGroups(), func(g kickstart.VolGroup) bool { return g.Name == v.VolGroup }):
		c.add(v.Pos, "", "there is no volume group %q", v.VolGroup)
	}
	c.fileSystem(v.Pos, v.Mount, v.FSType)
}

func (c *storageCheck) fileSystem(at kickstart.Position, what, fstype string) {
	kinds := storagePackages()
	delete(kinds, "lvm") // is none
	known := append(slices.Sorted(maps.Keys(kinds)), "swap")
	if fstype != "" && !slices.Contains(append(known, "biosboot", "prepboot", "lvmpv"), fstype) {
		c.add(at, "use one of "+strings.Join(known, ", "), "the file system %q of %s is not known", fstype, what)
	}
}

// devices refuses disks that the machine doesn't have: it has one.
func (c *storageCheck) devices() {
	device := choose(c.disk.Device != "", c.disk.Device, "vda")
	check := func(at kickstart.Position, name string, partition bool) {
		rest, ok := strings.CutPrefix(strings.TrimPrefix(name, "/dev/"), device)
		number := strings.Trim(rest, "0123456789") == ""
		if ok = ok && number && partition == (rest != ""); !ok {
			c.add(at, "write it as "+device+choose(partition, "1", "")+", or tell the pipeline's disk.device what the kickstart calls the disk",
				"there is no %s: the machine has one disk, %s", name, device)
		}
	}
	for _, p := range c.ks.Partitions() {
		if p.OnPart != "" {
			check(p.Pos, p.OnPart, true)
		}
		if p.OnDisk != "" {
			check(p.Pos, p.OnDisk, false)
		}
	}
	for _, name := range c.ks.ClearPart().Drives {
		check(position(c.ks, "clearpart"), name, false)
	}
	for _, name := range c.ks.IgnoreDisk().OnlyUse {
		check(position(c.ks, "ignoredisk"), name, false)
	}
	for _, name := range c.ks.IgnoreDisk().Drives {
		if strings.TrimPrefix(name, "/dev/") == device {
			c.add(position(c.ks, "ignoredisk"), "leave the command out", "%s is the only disk", name)
		}
	}
	if drive := c.ks.Bootloader().BootDrive; drive != "" {
		check(position(c.ks, "bootloader"), drive, false)
	}
}

// position is where a command stands.
func position(ks *kickstart.File, name string) kickstart.Position {
	if c, ok := ks.Command(name); ok {
		return c.Pos
	}
	return kickstart.Position{File: ks.Name, Line: 1, Column: 1}
}
