package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
)

// RootFS does a job of the kind wire.RootFS: the kickstart's configuration and scripts in a machine, on scratch storage and without a boot loader, and returns the root file
// system as one uncompressed tar, as archive.Write describes it. The machine streams it; nothing is unpacked on the host, which
// only sees that it is a well-formed tar (ErrTar) and digests it. Plan.Disk.Size is how large the scratch storage is. Errors are those of
// vm.Follow, and wrapped ones of the host.
func RootFS(ctx context.Context, s DiskSpec, job wire.Job, report progress.Func) (artifact.Tree, []artifact.Phase, error) {
	output, fail := s.output(), func(err error) (artifact.Tree, []artifact.Phase, error) { return artifact.Tree{}, nil, err }
	// Sparse. Files with holes are larger in the tar than on the scratch drive.
	if err := makeSparse(output, 2*s.Plan.Disk.Size); err != nil {
		return fail(err)
	}
	scratch, result, err := s.run(ctx, job, nil, report)
	if err != nil {
		return fail(err)
	}
	if err := errors.Join(os.Remove(scratch.Path), cut(output, result.Written)); err != nil {
		return fail(err)
	}
	tree := artifact.Tree{Format: "tar", Arch: s.Plan.Arch, Packages: scratch.Packages, Method: string(Machine)}
	if tree.Unpacked, err = checkTar(ctx, output); err != nil {
		return fail(fmt.Errorf("the root file system that the machine wrote: %w", err))
	}
	tree.Path = filepath.Join(s.Dir, "root.tar")
	if tree.Digest, tree.Size, err = digest.File(output); err != nil {
		return fail(err)
	}
	return tree, scratch.Phases, durable.Rename(output, tree.Path)
}

// output is the file behind the drive that a root file system is streamed to. The folder is a step's own: what a failed one leaves goes with it.
func (s DiskSpec) output() string { return filepath.Join(s.Dir, "root.tar.part") }

// cut shortens what a machine wrote onto a drive to the bytes that it says it wrote.
func cut(drive string, written int64) error {
	info, err := os.Stat(drive)
	if err != nil {
		return err
	}
	if written <= 0 || written > info.Size() {
		return fmt.Errorf("the machine says it wrote %d bytes to a drive of %d", written, info.Size())
	}
	return os.Truncate(drive, written)
}
