package storage

import (
	"fmt"
	"slices"

	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// LVM's defaults: the size of an extent, and what a physical volume keeps for itself.
const (
	extentKiB  = 4 << 10
	pvOverhead = MiB
)

// volumes plans the volume groups and shares out each among its logical volumes.
func (p *planner) volumes(groups []wire.VolGroup, volumes []wire.LogVol) error {
	for _, lv := range volumes {
		if !slices.ContainsFunc(groups, func(g wire.VolGroup) bool { return g.Name == lv.VolGroup }) {
			return report.At("", lv.Line, fmt.Errorf("logvol %s --vgname=%s: there is no such volume group", lv.Mount, lv.VolGroup))
		}
	}
	for _, vg := range groups {
		group := Group{Name: vg.Name, Extent: vg.PESize, Line: vg.Line}
		if group.Extent == 0 {
			group.Extent = extentKiB
		}
		var extents int64
		for _, name := range vg.PVs {
			pv, ok := p.pvs[name]
			if !ok {
				return report.At("", vg.Line, fmt.Errorf("volgroup %s: there is no partition %q", vg.Name, name))
			}
			group.Devices = append(group.Devices, pv.device)
			extents += (pv.bytes - pvOverhead) / (group.Extent << 10)
		}
		extents -= max((vg.Reserved<<10+group.Extent-1)/group.Extent, extents*vg.ReservedPercent/100)
		if err := p.logical(&group, extents, volumes); err != nil {
			return err
		}
		p.out.Groups = append(p.out.Groups, group)
	}
	return nil
}

func (p *planner) logical(group *Group, extents int64, volumes []wire.LogVol) error {
	var own []wire.LogVol
	var demands []demand
	free := extents // beside the volumes of a fixed size, and beside the least of those that grow
	for _, lv := range volumes {
		if lv.VolGroup != group.Name {
			continue
		}
		d, err := p.volumeDemand(lv, group.Extent)
		if err != nil {
			return err
		}
		free -= d.base
		own, demands = append(own, lv), append(demands, d)
	}
	for i, lv := range own {
		if lv.Percent > 0 {
			demands[i] = demand{base: max(free*int64(lv.Percent)/100, 1)}
		}
	}
	sizes, missing, ok := divide(extents, demands)
	if !ok {
		toMiB := func(n int64) int64 { return n * group.Extent >> 10 }
		return report.At("", own[len(own)-1].Line, fmt.Errorf("the volumes of %s need %d MiB and the group has %d MiB: %d MiB are missing",
			group.Name, toMiB(extents+missing), toMiB(extents), toMiB(missing)))
	}
	for i, lv := range own {
		group.Volumes = append(group.Volumes, Volume{Name: lv.Name, Extents: sizes[i]})
		u := useOf(lv.Mount, lv.FSType)
		err := p.content(Content{
			Device: volumeDevice(group.Name, lv.Name), Mount: lv.Mount, Type: u.fsType(lv.FSType), Label: lv.Label,
			MkfsOptions: lv.MkfsOptions, Options: lv.FSOptions, Volume: true, Line: lv.Line,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// volumeDemand is what a volume takes, in extents; nothing for one that has a percentage of what the others leave.
func (p *planner) volumeDemand(lv wire.LogVol, extentKiB int64) (demand, error) {
	toExtents := func(mib int64) int64 { return (mib<<10 + extentKiB - 1) / extentKiB }
	swap := useOf(lv.Mount, lv.FSType).fstype == "swap"
	size := lv.Size
	switch {
	case lv.Percent > 0:
		return demand{}, nil
	case swap && (lv.Recommended || size == 0 && !lv.Grow):
		size = recommendedSwap(p.machine.Memory, p.diskMiB)
	case size == 0 && !lv.Grow:
		return demand{}, report.At("", lv.Line, fmt.Errorf("logvol %s has no size: add --size=MIB, --percent or --grow", lv.Mount))
	}
	if lv.MaxSize > 0 && lv.MaxSize < size {
		return demand{}, report.At("", lv.Line, fmt.Errorf("logvol %s: --maxsize=%d is less than --size=%d", lv.Mount, lv.MaxSize, size))
	}
	return demand{base: max(toExtents(size), 1), max: toExtents(lv.MaxSize), grow: lv.Grow}, nil
}

// volumeDevice is the device mapper's name of a logical volume: hyphens within names are doubled.
func volumeDevice(group, volume string) string {
	return "/dev/mapper/" + doubleHyphens(group) + "-" + doubleHyphens(volume)
}

func doubleHyphens(s string) string {
	var out []byte
	for i := range len(s) {
		if s[i] == '-' {
			out = append(out, '-')
		}
		out = append(out, s[i])
	}
	return string(out)
}
