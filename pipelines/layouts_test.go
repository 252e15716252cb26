package pipelines_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/test/golden"
)

// layout lays an image's disk out as the machine will, and returns what comes of it for people: the partitions with their sizes in MiB, the
// volumes and fstab.
func layout(t *testing.T, p plan.Plan) string {
	t.Helper()
	job, err := install.JobOf(p)
	if err != nil {
		t.Fatal(err)
	}
	a, err := arch.Lookup(p.Arch)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	l, err := storage.Plan(diskOf(p), job.Storage, storage.Machine{Arch: a, Distro: p.Distro, Memory: int64(p.Machine.MemoryMiB), UUID: func() string {
		n++
		return fmt.Sprintf("%08x-0000-4000-8000-000000000000", n)
	}})
	if err != nil {
		t.Fatalf("%s: %v", p.Name(), err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "label %q\n", l.Label)
	for _, s := range l.Create {
		fmt.Fprintf(&b, "make %d at %d MiB, %d MiB, type %s\n", s.Number, s.Start>>11, s.Size>>11, s.Type)
	}
	for _, s := range l.Retype {
		fmt.Fprintf(&b, "set %d to type %s\n", s.Number, s.Type)
	}
	for _, g := range l.Groups {
		fmt.Fprintf(&b, "group %s of %s: %+v\n", g.Name, strings.Join(g.Devices, ", "), g.Volumes)
	}
	for _, c := range l.Contents {
		fmt.Fprintf(&b, "%s %s label %q options %q\n", c.Device, c.Type, c.Label, c.MkfsOptions)
	}
	return b.String() + storage.Fstab(l.Contents)
}

// diskOf is the disk as the kickstart's %pre leaves it: empty, or with the five partitions that all of the cloud's make.
func diskOf(p plan.Plan) storage.Disk {
	disk := storage.Disk{Path: "/dev/vda", MiB: p.Disk.Size >> 20, SectorSize: 512}
	if strings.Contains(p.Kickstart.Text, "\nparted /dev/vda mklabel gpt") {
		const linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
		disk.Label = storage.GPT
		disk.Partitions = []storage.Slot{
			{Number: 1, Start: 2048, Size: 202752, Type: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"}, {Number: 2, Start: 204800, Size: 2048000, Type: linux},
			{Number: 3, Start: 2252800, Size: 8192, Type: linux}, {Number: 4, Start: 2260992, Size: 2048, Type: linux},
			{Number: 5, Start: 2265088, Size: 18632704, Type: linux},
		}
	}
	return disk
}

// checkLayout holds the layout of one plan against its golden file.
func checkLayout(t *testing.T, p plan.Plan) {
	t.Helper()
	if p.Builder == "disk" || p.Builder == "pi" { // the others have no partitions
		golden.Equal(t, p.Name()+".layout", layout(t, p))
	}
}
