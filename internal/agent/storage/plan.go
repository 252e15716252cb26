package storage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Plan lays out disk as the commands say. Errors name the command's line and the numbers that don't fit.
func Plan(disk Disk, s wire.Storage, m Machine) (Layout, error) {
	if s.Auto != nil && len(s.Partitions) > 0 {
		return Layout{}, fmt.Errorf("autopart and part can't be used together")
	}
	label := tableLabel(s.DiskLabel)
	s = renamed(s, disk.Path)
	p := &planner{machine: m, diskMiB: disk.MiB, pvs: map[string]physical{}, out: Layout{Disk: disk.Path, SectorSize: disk.SectorSize}}
	parts := slices.Clone(s.Partitions)
	groups, volumes := s.VolGroups, s.LogVols
	if s.ReqPart || s.Auto != nil {
		parts = append(required(m, label, s.ReqBoot), parts...)
	}
	if s.Auto != nil {
		auto, vg, lvs, err := automatic(*s.Auto, disk, m, s.ReqBoot)
		if err != nil {
			return Layout{}, err
		}
		parts, groups, volumes = append(parts, auto...), vg, lvs
	}
	existing, onPart, created := p.clear(disk, s, label, parts)
	if err := p.existing(existing, onPart); err != nil {
		return Layout{}, err
	}
	if err := p.create(disk, existing, created); err != nil {
		return Layout{}, err
	}
	if err := p.volumes(groups, volumes); err != nil {
		return Layout{}, err
	}
	return p.out, p.check()
}

type planner struct {
	machine Machine
	diskMiB int64
	label   string // that the disk has in the end
	pvs     map[string]physical
	out     Layout
}

// physical is a partition that serves as an LVM physical volume.
type physical struct {
	device string
	bytes  int64
}

func tableLabel(asked string) string {
	switch asked {
	case "msdos", DOS, "mbr":
		return DOS
	}
	return GPT
}

// clear decides what of the present table stays, and parts the commands into those that use what %pre made and those that need a
// new partition.
func (p *planner) clear(disk Disk, s wire.Storage, label string, parts []wire.Partition) (stay []Slot, onPart, create []wire.Partition) {
	for _, part := range parts {
		if part.OnPart != "" {
			onPart = append(onPart, part)
		} else {
			create = append(create, part)
		}
	}
	stay, p.label = disk.Partitions, disk.Label
	switch s.Clear {
	case "all", "linux":
		stay = nil
	case "list":
		stay = slices.DeleteFunc(slices.Clone(stay), func(slot Slot) bool {
			return slices.ContainsFunc(s.ClearList, func(name string) bool {
				return Part(disk.Path, slot.Number) == devicePath(name)
			})
		})
	}
	fresh := len(stay) == 0 && len(onPart) == 0
	if fresh && (disk.Label == "" || s.InitLabel || s.ZeroMBR || len(disk.Partitions) > 0 || disk.Label != label) {
		p.label, p.out.Label = label, label
		return nil, nil, create
	}
	for _, slot := range disk.Partitions {
		if !slices.Contains(stay, slot) {
			p.out.Remove = append(p.out.Remove, slot.Number)
		}
	}
	return stay, onPart, create
}

func devicePath(name string) string {
	if strings.HasPrefix(name, "/dev/") {
		return name
	}
	return "/dev/" + name
}

// existing takes the partitions that %pre made into use. Types are set as well: %pre often leaves them to the installer.
func (p *planner) existing(slots []Slot, parts []wire.Partition) error {
	used := map[int]string{}
	for _, part := range parts {
		i := slices.IndexFunc(slots, func(s Slot) bool { return Part(p.out.Disk, s.Number) == devicePath(part.OnPart) })
		if i < 0 {
			return report.At("", part.Line, fmt.Errorf("part %s --onpart=%s: %s has no such partition; it has %s",
				part.Mount, part.OnPart, p.out.Disk, slotNames(p.out.Disk, slots)))
		}
		slot := slots[i]
		if other, twice := used[slot.Number]; twice {
			return report.At("", part.Line, fmt.Errorf("part %s --onpart=%s: the partition is used for %s already", part.Mount, part.OnPart, other))
		}
		used[slot.Number] = part.Mount
		u := useOf(part.Mount, part.FSType)
		if want := u.partitionType(p.label); !strings.EqualFold(slot.Type, want) && !part.NoFormat {
			slot.Type = want
			p.out.Retype = append(p.out.Retype, slot)
		}
		if err := p.take(part, u, slot); err != nil {
			return err
		}
	}
	return nil
}

func slotNames(disk string, slots []Slot) string {
	if len(slots) == 0 {
		return "none"
	}
	var names []string
	for _, s := range slots {
		names = append(names, strings.TrimPrefix(Part(disk, s.Number), "/dev/"))
	}
	return strings.Join(names, ", ")
}

// take notes what a partition is used for.
func (p *planner) take(part wire.Partition, u use, slot Slot) error {
	device := Part(p.out.Disk, slot.Number)
	if strings.HasPrefix(part.Mount, "pv.") {
		p.pvs[part.Mount] = physical{device, slot.Size * p.out.SectorSize}
		return nil
	}
	return p.content(Content{
		Device: device, Mount: part.Mount, Type: u.fsType(part.FSType), Label: part.Label,
		MkfsOptions: part.MkfsOptions, Options: part.FSOptions, Keep: part.NoFormat, Line: part.Line,
	})
}

// content adds c after checking what can be checked before anything is written.
func (p *planner) content(c Content) error {
	switch c.Type {
	case "", "xfs", "ext2", "ext3", "ext4", "vfat", "swap":
	default:
		return report.At("", c.Line, fmt.Errorf("%s: file system %q is not known; Enterprise Linux has xfs, ext4, ext3, ext2, vfat, efi and swap", c.Mount, c.Type))
	}
	if limit := maxLabel(c.Type); len(c.Label) > limit {
		return report.At("", c.Line, fmt.Errorf("%s: the label %q is longer than the %d characters that %s can hold", c.Mount, c.Label, limit, c.Type))
	}
	if !strings.HasPrefix(c.Mount, "/") && !slices.Contains([]string{"", "swap", "biosboot", "prepboot"}, c.Mount) {
		return report.At("", c.Line, fmt.Errorf("%q is no mount point", c.Mount))
	}
	if c.UUID == "" && !c.Keep && c.Type != "" && !setsUUID(c.MkfsOptions) {
		c.UUID = p.machine.UUID()
		if c.Type == "vfat" {
			c.UUID = strings.ToUpper(c.UUID[:4] + "-" + c.UUID[4:8])
		}
	}
	p.out.Contents = append(p.out.Contents, c)
	return nil
}

// setsUUID reports whether a kickstart's mkfs options choose an identifier of their own.
func setsUUID(options string) bool {
	for _, word := range strings.Fields(options) {
		if strings.Contains(word, "uuid=") || word == "-U" || word == "-i" {
			return true
		}
	}
	return false
}

// check refuses a layout that no system can be installed on.
func (p *planner) check() error {
	mounts := map[string]bool{}
	for _, c := range p.out.Contents {
		if strings.HasPrefix(c.Mount, "/") && mounts[c.Mount] {
			return report.At("", c.Line, fmt.Errorf("%s is there twice", c.Mount))
		}
		mounts[c.Mount] = true
	}
	if !mounts["/"] {
		return fmt.Errorf("the kickstart has no partition or volume for /: add \"part /\"")
	}
	return nil
}
