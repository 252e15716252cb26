package storage

import (
	"fmt"
	"slices"

	"github.com/quarry-project/quarry/internal/agent/report"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// maxPrimary is how many partitions the old table holds without an extended one, which no image needs.
const maxPrimary = 4

// create places new partitions in the largest free stretch: what the platform boots from, /boot, what has a fixed
// size, and at the end what grows, so that the root file system of an image can grow when it starts.
func (p *planner) create(disk Disk, existing []Slot, parts []wire.Partition) error {
	if len(parts) == 0 {
		return nil
	}
	if p.label == DOS && len(existing)+len(parts) > maxPrimary {
		return report.At("", parts[maxPrimary-len(existing)].Line,
			fmt.Errorf("an msdos disk label has room for %d partitions, and here are %d: use --disklabel=gpt", maxPrimary, len(existing)+len(parts)))
	}
	slices.SortStableFunc(parts, func(a, b wire.Partition) int { return order(a) - order(b) })
	start, size := largestFree(disk, existing, p.label)
	demands, err := p.demands(disk, parts)
	if err != nil {
		return err
	}
	sizes, missing, ok := divide(size, demands)
	if !ok {
		last := parts[len(parts)-1]
		return report.At("", last.Line, fmt.Errorf(
			"the partitions need %d MiB and %s has %d MiB free of %d MiB: %d MiB are missing; make the disk larger or the partitions smaller",
			size+missing, disk.Path, size, disk.MiB, missing))
	}
	perMiB := MiB / disk.SectorSize
	numbers := freeNumbers(existing)
	for i, part := range parts {
		u := useOf(part.Mount, part.FSType)
		slot := Slot{Number: numbers(), Start: start * perMiB, Size: sizes[i] * perMiB, Type: u.partitionType(p.label)}
		start += sizes[i]
		p.out.Create = append(p.out.Create, slot)
		if err := p.take(part, u, slot); err != nil {
			return err
		}
	}
	return nil
}

// order ranks a partition among those that are created. --asprimary has nothing else to decide, as no partition is a logical one: as the
// installer does, it brings a partition before the others, growing or not.
func order(part wire.Partition) int {
	rank := useOf(part.Mount, part.FSType).rank
	if rank < rankOther {
		return rank
	}
	if !part.AsPrimary {
		rank += 2
	}
	if part.Grow {
		rank++
	}
	return rank
}

func (p *planner) demands(disk Disk, parts []wire.Partition) ([]demand, error) {
	var all []demand
	for _, part := range parts {
		d := demand{base: part.Size, max: part.MaxSize, grow: part.Grow}
		u := useOf(part.Mount, part.FSType)
		switch {
		case d.base > 0:
		case u.size > 0:
			d.base = u.size
		case u.fstype == "swap" && (part.Recommended || !part.Grow):
			d.base = recommendedSwap(p.machine.Memory, disk.MiB)
		case part.Grow:
			d.base = 1
		default:
			return nil, report.At("", part.Line, fmt.Errorf("part %s has no size: add --size=MIB or --grow", part.Mount))
		}
		if d.max > 0 && d.max < d.base {
			return nil, report.At("", part.Line, fmt.Errorf("part %s: --maxsize=%d is less than --size=%d", part.Mount, d.max, d.base))
		}
		all = append(all, d)
	}
	return all, nil
}

// recommendedSwap is twice the memory up to 2 GiB, as much as the memory up to 8 GiB, half of it above; and never more than a
// tenth of the disk. All are MiB.
func recommendedSwap(memory, disk int64) int64 {
	var swap int64
	switch {
	case memory < 2<<10:
		swap = 2 * memory
	case memory < 8<<10:
		swap = memory
	default:
		swap = max(4<<10, min(memory/2, 32<<10))
	}
	return max(1, min(swap, disk/10))
}

// largestFree returns start and size in MiB of the longest stretch that no partition covers. The first MiB belongs to the
// label and the old boot loader, the last one to GPT's copy.
func largestFree(disk Disk, slots []Slot, label string) (start, size int64) {
	perMiB := MiB / disk.SectorSize
	end := disk.MiB
	if label == GPT {
		end--
	}
	slots = slices.Clone(slots)
	slices.SortFunc(slots, func(a, b Slot) int { return int(min(1, max(-1, a.Start-b.Start))) })
	slots = append(slots, Slot{Start: end * perMiB})
	from := int64(1)
	for _, s := range slots {
		if to := s.Start / perMiB; to-from > size {
			start, size = from, to-from
		}
		from = max(from, (s.Start+s.Size+perMiB-1)/perMiB)
	}
	return start, size
}

// freeNumbers returns a function that yields partition numbers that are not taken.
func freeNumbers(slots []Slot) func() int {
	next := 0
	return func() int {
		for {
			next++
			if !slices.ContainsFunc(slots, func(s Slot) bool { return s.Number == next }) {
				return next
			}
		}
	}
}
