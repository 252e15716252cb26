package storage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/test/golden"
)

// machine counts its UUIDs, so that layouts can be compared.
func machine(t *testing.T, name string) Machine {
	t.Helper()
	a, err := arch.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	return Machine{Arch: a, Distro: "pebble", Memory: 2048, UUID: func() string {
		n++
		return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n)
	}}
}

func blank(gib int64) Disk { return Disk{Path: "/dev/vda", MiB: gib << 10, SectorSize: 512} }

// cloud is what the upstream kickstart's %pre leaves: five partitions, two of the wrong type.
func cloud() Disk {
	d := blank(10)
	d.Label = GPT
	d.Partitions = []Slot{
		{1, 2048, 202752, typeESP}, {2, 204800, 2048000, typeLinux}, {3, 2252800, 8192, typeLinux},
		{4, 2260992, 2048, typeLinux}, {5, 2265088, 18632704, typeLinux},
	}
	return d
}

func onCloud(last ...wire.Partition) []wire.Partition {
	return append([]wire.Partition{
		{Mount: "/boot/efi", FSType: "efi", OnPart: "vda1", Line: 21},
		{Mount: "/boot", FSType: "xfs", Label: "boot", OnPart: "/dev/vda2", Line: 22},
		{Mount: "prepboot", FSType: "prepboot", OnPart: "vda3", Line: 23},
		{Mount: "biosboot", FSType: "biosboot", OnPart: "vda4", Line: 24},
	}, last...)
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name, arch string
		disk       Disk
		storage    wire.Storage
	}{
		{"cloud-base", "x86_64", cloud(), wire.Storage{Partitions: onCloud(
			wire.Partition{Mount: "/", Size: 8000, Grow: true, FSType: "xfs", MkfsOptions: "-m bigtime=0,inobtcount=0", OnPart: "vda5", Line: 25})}},
		{"cloud-lvm", "x86_64", cloud(), wire.Storage{
			Partitions: onCloud(wire.Partition{Mount: "pv.01", Grow: true, OnPart: "vda5", Line: 25}),
			VolGroups:  []wire.VolGroup{{Name: "rocky", PVs: []string{"pv.01"}, Line: 26}},
			LogVols:    []wire.LogVol{{Mount: "/", VolGroup: "rocky", Name: "root", Size: 8000, Grow: true, Line: 27}},
		}},
		{"fresh-gpt", "x86_64", blank(10), wire.Storage{ZeroMBR: true, Clear: "all", InitLabel: true, DiskLabel: "gpt", Partitions: []wire.Partition{
			{Mount: "/", Size: 2000, Grow: true, Line: 1}, {Mount: "swap", Size: 512, FSType: "swap", Line: 2},
			{Mount: "/boot", Size: 1000, FSType: "xfs", Label: "boot", Line: 3}, {Mount: "/boot/efi", Size: 100, FSType: "efi", Line: 4},
			{Mount: "biosboot", Size: 1, FSType: "biosboot", Line: 5},
		}}},
		{"reqpart-aarch64", "aarch64", blank(8), wire.Storage{Clear: "all", ReqPart: true, ReqBoot: true, Partitions: []wire.Partition{
			{Mount: "/", Size: 1, Grow: true, FSType: "ext4", Label: "root", Line: 1}}}},
		{"reqpart-ppc64le", "ppc64le", blank(8), wire.Storage{Clear: "all", ReqPart: true, Partitions: []wire.Partition{{Mount: "/", Grow: true, Line: 1}}}},
		{"msdos-s390x", "s390x", blank(8), wire.Storage{DiskLabel: "msdos", Partitions: []wire.Partition{
			{Mount: "/boot", Line: 1}, {Mount: "/", Size: 4000, Line: 2}}}},
		{"autopart-plain", "x86_64", blank(10), wire.Storage{Clear: "all", Auto: &wire.Auto{Type: "plain", FSType: "ext4"}}},
		{"autopart-live", "x86_64", blank(10), wire.Storage{Clear: "all", Auto: &wire.Auto{Type: "plain", NoBoot: true, NoHome: true, NoSwap: true}}},
		{"autopart-lvm-home", "x86_64", blank(100), wire.Storage{Clear: "all", Auto: &wire.Auto{}}},
		{"pi-msdos", "aarch64", blank(4), wire.Storage{Clear: "all", InitLabel: true, DiskLabel: "msdos", Partitions: []wire.Partition{
			{Mount: "/boot", AsPrimary: true, FSType: "vfat", Size: 300, Label: "boot", Line: 6},
			{Mount: "swap", AsPrimary: true, FSType: "swap", Size: 512, Label: "swap", Line: 7},
			{Mount: "/", AsPrimary: true, FSType: "ext4", Size: 2800, Label: "RPIROOT", Line: 8}}}},
		{"asprimary", "aarch64", blank(10), wire.Storage{Clear: "all", Partitions: []wire.Partition{
			{Mount: "/srv", Size: 1000, Line: 1}, {Mount: "/", Grow: true, Line: 2}, {Mount: "/data", AsPrimary: true, Grow: true, MaxSize: 3000, Line: 3},
			{Mount: "/boot", Size: 500, Line: 4}}}},
		{"called-sda", "x86_64", cloud(), wire.Storage{Device: "sda", Partitions: []wire.Partition{
			{Mount: "biosboot", FSType: "biosboot", OnPart: "sda4", Line: 1}, {Mount: "/", FSType: "ext4", OnPart: "/dev/sda5", Line: 2}}}},
		{"reserved", "x86_64", blank(10), wire.Storage{
			Partitions: []wire.Partition{{Mount: "pv.1", Grow: true, Line: 1}},
			VolGroups:  []wire.VolGroup{{Name: "vg", PVs: []string{"pv.1"}, Reserved: 1000, ReservedPercent: 20, Line: 2}},
			LogVols: []wire.LogVol{
				{Mount: "/", VolGroup: "vg", Name: "root", Size: 1000, Grow: true, Line: 3},
				{Mount: "swap", VolGroup: "vg", Name: "swap", Recommended: true, Line: 4},
			}}},
		{"beside", "x86_64", cloud(), wire.Storage{Clear: "list", ClearList: []string{"vda5"}, Partitions: []wire.Partition{
			{Mount: "/boot", OnPart: "vda2", NoFormat: true, Line: 1}, {Mount: "/", Grow: true, MaxSize: 4000, Line: 2}, {Mount: "/srv", Size: 100, Line: 3}}}},
		{"percent", "x86_64", blank(10), wire.Storage{
			Partitions: []wire.Partition{{Mount: "pv.1", Size: 5000, Line: 1}, {Mount: "pv.2", Grow: true, Line: 2}},
			VolGroups:  []wire.VolGroup{{Name: "my-group", PVs: []string{"pv.1", "pv.2"}, PESize: 8192, Line: 3}},
			LogVols: []wire.LogVol{
				{Mount: "/", VolGroup: "my-group", Name: "the-root", Percent: 50, Line: 4},
				{Mount: "swap", VolGroup: "my-group", Name: "swap", Size: 100, Line: 5},
				{Mount: "/home", VolGroup: "my-group", Name: "home", Grow: true, MaxSize: 1000, Line: 6},
			}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			layout, err := Plan(c.disk, c.storage, machine(t, c.arch))
			if err != nil {
				t.Fatal(err)
			}
			checkDisjoint(t, c.disk, layout)
			var commands []string
			for _, call := range tableCalls(layout) {
				commands = append(commands, strings.Join(call.args, " "), call.stdin)
			}
			for _, g := range layout.Groups {
				for _, call := range groupCalls(g) {
					commands = append(commands, strings.Join(call.args, " "))
				}
			}
			for _, content := range layout.Contents {
				args, err := mkfsCall(content)
				if err != nil {
					t.Fatal(err)
				}
				if !content.Keep && args != nil {
					commands = append(commands, strings.Join(args, " "))
				}
			}
			text := strings.Join(commands, "\n") + "\n\n" + Fstab(layout.Contents)
			golden.Equal(t, c.name+".txt", text)
			golden.JSON(t, c.name+".json", layout)
		})
	}
}

// checkDisjoint holds for every layout: new partitions lie on the disk, aligned, apart from each other and from what stays.
func checkDisjoint(t *testing.T, disk Disk, l Layout) {
	t.Helper()
	perMiB := MiB / disk.SectorSize
	taken := append([]Slot(nil), l.Create...)
	if l.Label == "" {
		for _, s := range disk.Partitions {
			removed := false
			for _, n := range l.Remove {
				removed = removed || n == s.Number
			}
			if !removed {
				taken = append(taken, s)
			}
		}
	}
	for i, a := range taken {
		if a.Start < perMiB || a.Size <= 0 || a.Start+a.Size > disk.MiB*perMiB-33 && i < len(l.Create) {
			t.Errorf("partition %d is not on the disk: %+v", a.Number, a)
		}
		if i < len(l.Create) && (a.Start%perMiB != 0 || a.Size%perMiB != 0) {
			t.Errorf("partition %d is not aligned: %+v", a.Number, a)
		}
		for _, b := range taken[i+1:] {
			if a.Start < b.Start+b.Size && b.Start < a.Start+a.Size || a.Number == b.Number {
				t.Errorf("partitions overlap: %+v and %+v", a, b)
			}
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	root := wire.Partition{Mount: "/", Size: 1000, Line: 9}
	for _, c := range []struct {
		name    string
		disk    Disk
		storage wire.Storage
		want    []string
	}{
		{"too much", blank(2), wire.Storage{Partitions: []wire.Partition{{Mount: "/", Size: 8000, Line: 7}}},
			[]string{"line 7", "8000 MiB", "2046 MiB free of 2048", "5954 MiB are missing"}},
		{"no such partition", cloud(), wire.Storage{Partitions: []wire.Partition{{Mount: "/", OnPart: "vda9", Line: 7}}},
			[]string{"line 7", "vda9", "vda1, vda2"}},
		{"%pre made none", blank(10), wire.Storage{Partitions: []wire.Partition{{Mount: "/", OnPart: "vda1", Line: 7}}}, []string{"it has none"}},
		{"used twice", cloud(), wire.Storage{Partitions: []wire.Partition{
			{Mount: "/", OnPart: "vda5", Line: 7}, {Mount: "/boot", OnPart: "vda5", Line: 8}}}, []string{"line 8", "used for / already"}},
		{"no root", blank(10), wire.Storage{Partitions: []wire.Partition{{Mount: "/boot", Size: 100}}}, []string{"no partition or volume for /"}},
		{"two roots", blank(10), wire.Storage{Partitions: []wire.Partition{root, root}}, []string{"line 9", "twice"}},
		{"no size", blank(10), wire.Storage{Partitions: []wire.Partition{{Mount: "/", Line: 7}}}, []string{"line 7", "--size"}},
		{"maxsize", blank(10), wire.Storage{Partitions: []wire.Partition{{Mount: "/", Size: 10, MaxSize: 5, Line: 7}}}, []string{"line 7", "--maxsize=5"}},
		{"file system", blank(10), wire.Storage{Partitions: []wire.Partition{{Mount: "/", Size: 10, FSType: "btrfs", Line: 7}}}, []string{"line 7", "btrfs"}},
		{"label", blank(10), wire.Storage{Partitions: []wire.Partition{{Mount: "/", Size: 10, FSType: "xfs", Label: "a-long-xfs-label", Line: 7}}},
			[]string{"line 7", "longer than the 12"}},
		{"msdos", blank(10), wire.Storage{DiskLabel: "msdos", Partitions: []wire.Partition{
			{Mount: "/", Size: 10}, {Mount: "/a", Size: 10}, {Mount: "/b", Size: 10}, {Mount: "/c", Size: 10}, {Mount: "/d", Size: 10, Line: 7}}},
			[]string{"line 7", "--disklabel=gpt"}},
		{"volume group", blank(10), wire.Storage{Partitions: []wire.Partition{root}, LogVols: []wire.LogVol{{Mount: "/v", VolGroup: "vg", Line: 7}}},
			[]string{"line 7", "--vgname=vg"}},
		{"physical volume", blank(10), wire.Storage{Partitions: []wire.Partition{root}, VolGroups: []wire.VolGroup{{Name: "vg", PVs: []string{"pv.9"}, Line: 7}}},
			[]string{"line 7", "pv.9"}},
		{"volumes too large", blank(10), wire.Storage{
			Partitions: []wire.Partition{{Mount: "pv.1", Grow: true}},
			VolGroups:  []wire.VolGroup{{Name: "vg", PVs: []string{"pv.1"}}},
			LogVols:    []wire.LogVol{{Mount: "/", VolGroup: "vg", Name: "root", Size: 20000, Line: 7}}}, []string{"line 7", "need 20000 MiB", "are missing"}},
		{"thin", blank(10), wire.Storage{Auto: &wire.Auto{Type: "thinp"}}, []string{"thinp"}},
		{"no mount point", blank(10), wire.Storage{Partitions: []wire.Partition{root, {Mount: "home", Size: 10, Line: 7}}}, []string{"line 7", `"home"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Plan(c.disk, c.storage, machine(t, "x86_64"))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestDivide(t *testing.T) {
	for _, c := range []struct {
		name    string
		total   int64
		demands []demand
		want    string
	}{
		{"nothing grows", 100, []demand{{base: 10}, {base: 20}}, "[10 20] 0 true"},
		{"one grows", 100, []demand{{base: 10}, {base: 20, grow: true}}, "[10 90] 0 true"},
		{"in proportion", 100, []demand{{base: 10, grow: true}, {base: 30, grow: true}}, "[25 75] 0 true"},
		{"a limit", 100, []demand{{base: 10, max: 15, grow: true}, {base: 30, grow: true}}, "[15 85] 0 true"},
		{"all limited", 100, []demand{{base: 10, max: 15, grow: true}, {base: 30, max: 31, grow: true}}, "[15 31] 0 true"},
		{"crumbs", 10, []demand{{base: 1, grow: true}, {base: 1, grow: true}, {base: 1, grow: true}}, "[3 3 4] 0 true"},
		{"too much", 10, []demand{{base: 8}, {base: 5}}, "[] 3 false"},
		{"exactly", 10, []demand{{base: 10, grow: true}}, "[10] 0 true"},
	} {
		sizes, missing, ok := divide(c.total, c.demands)
		if got := fmt.Sprint(sizes, missing, ok); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzDivide(f *testing.F) {
	f.Add(int64(100), int64(10), int64(0), true, int64(20), int64(30), true)
	f.Add(int64(7), int64(0), int64(3), true, int64(0), int64(0), true)
	f.Fuzz(func(t *testing.T, total, base1, max1 int64, grow1 bool, base2, max2 int64, grow2 bool) {
		bound := func(n int64) int64 { return max(0, min(n, 1<<24)) }
		total = bound(total)
		demands := []demand{{bound(base1), bound(max1), grow1}, {bound(base2), bound(max2), grow2}}
		sizes, missing, ok := divide(total, demands)
		if !ok {
			if missing != demands[0].base+demands[1].base-total || missing <= 0 {
				t.Errorf("missing %d", missing)
			}
			return
		}
		sum := int64(0)
		for i, d := range demands {
			sum += sizes[i]
			if sizes[i] < d.base || !d.grow && sizes[i] != d.base || d.max > d.base && sizes[i] > d.max {
				t.Errorf("%+v got %d", d, sizes[i])
			}
		}
		if sum > total {
			t.Errorf("%d of %d given", sum, total)
		}
	})
}
