package install

import (
	"context"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

// LiveRootFile is the file system of a live image, below the folder that LiveRoot returns: dracut's live module looks for it there.
const LiveRootFile = "LiveOS/rootfs.img"

// LiveRoot does a job of the kind wire.Live: the kickstart's configuration and scripts in a machine whose whole drive, of Plan.Disk.Size bytes, is one
// ext4, labelled for SELinux, with free blocks as holes. The disk is LiveRootFile in the folder root, which has nothing else in it. Errors are
// those of vm.Follow, and wrapped ones of the host.
func LiveRoot(ctx context.Context, s DiskSpec, job wire.Job, report progress.Func) (disk artifact.Disk, root string, err error) {
	if disk, _, err = s.run(ctx, job, nil, report); err != nil {
		return artifact.Disk{}, "", err
	}
	root = filepath.Join(s.Dir, "root")
	file := filepath.Join(root, LiveRootFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return artifact.Disk{}, "", err
	}
	if err := os.Rename(disk.Path, file); err != nil {
		return artifact.Disk{}, "", err
	}
	disk.Path = file
	return disk, root, nil
}
