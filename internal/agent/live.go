package agent

import (
	"context"
	"fmt"

	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// makeLive makes the file system of a live image: on the whole drive, whatever the kickstart says of disks, as Anaconda does when it installs into
// a folder; with livemedia-creator's label and options. It gets its journal in the end (seal).
func (i *installation) makeLive(ctx context.Context) error {
	if err := i.formatScratch(ctx, i.disk, "-L", wire.LiveLabel, "-b", "4096", "-m", "0"); err != nil {
		return err
	}
	i.contents = []storage.Content{{Device: i.disk, Mount: "/", Type: "ext4"}}
	return i.mountEmpty()
}

// seal ends a live file system. A journal that the work had gone through would be tens of MiB that don't compress: a new one is empty.
func (i *installation) seal(ctx context.Context) (wire.Result, error) {
	packages, err := i.tidy(ctx, true)
	if err != nil {
		return wire.Result{}, err
	}
	if err := i.release(); err != nil {
		return wire.Result{}, err
	}
	for _, args := range [][]string{{"tune2fs", "-O", "has_journal", i.disk}, {"e2fsck", "-f", "-n", i.disk}} {
		if err := i.runtime.Run(ctx, args...); err != nil {
			return wire.Result{}, fmt.Errorf("end the live file system: %w", err)
		}
	}
	return wire.Result{Packages: packages}, nil
}
