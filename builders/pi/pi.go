// Package pi builds Raspberry Pi images. Such a disk is one like any other but for how it starts: no boot loader is installed, the Pi's own
// firmware reads the first partition, which is FAT with an old partition table, and takes the kernel and its arguments from there. Most of
// that is data: the plan says that the table is an msdos one, the kickstart that /boot is FAT and that there is no boot loader, its packages
// bring the firmware, and its script outside the new system writes the root's PARTUUID into cmdline.txt. What is here holds them to it.
package pi

import (
	"context"
	"fmt"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/builders/disk"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/install"
)

// Builder builds Raspberry Pi images.
type Builder struct{}

// Build implements builders.Builder.
func (Builder) Build(ctx context.Context, job builders.Job) (builders.Built, error) {
	work, err := install.JobOf(job.Plan)
	if err == nil {
		err = check(work)
	}
	if err != nil {
		return builders.Built{}, fmt.Errorf("%s: %w", job.Plan.Kickstart.Path, err)
	}
	return disk.Builder{}.Build(ctx, job)
}

// check refuses what no Pi starts from, before an hour of emulation is spent on it.
func check(work wire.Job) error {
	if work.Storage.DiskLabel != "msdos" {
		return fmt.Errorf("the partition table is %q, and not every Pi reads another than msdos", work.Storage.DiskLabel)
	}
	if !work.Boot.Disabled {
		return fmt.Errorf("a boot loader is installed, which no Pi starts: say bootloader --location=none")
	}
	for _, p := range work.Storage.Partitions {
		if p.Mount == "/boot" && p.FSType == "vfat" {
			return nil
		}
	}
	return fmt.Errorf("no FAT partition is /boot, where a Pi's firmware looks: say part /boot --fstype=vfat --size=300")
}
