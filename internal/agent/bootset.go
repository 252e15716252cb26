package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/agent/archive"
	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/bootset"
	"github.com/quarry-project/quarry/internal/agent/copytree"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// bootSet makes a medium's boot files in the machine, where the host has no sandbox for it: in a copy of the tree on the target drive. The
// files go to the output drive as tar.
func (w *worker) bootSet(ctx context.Context) (result wire.Result, err error) {
	if w.job.BootSet == nil {
		return result, errors.New("the job does not say what to collect")
	}
	env := bootset.Env{Root: filepath.Join(workDir, "root"), Out: filepath.Join(workDir, "out"), Log: w.report.Log}
	err = w.report.Phase(ctx, "copy", func(ctx context.Context) error { return w.unpackTree(ctx, env) })
	if err != nil {
		return result, err
	}
	err = w.report.Phase(ctx, "bootset", func(ctx context.Context) error {
		made, err := bootset.Make(ctx, env, *w.job.BootSet)
		result.BootSet = &made
		return err
	})
	if err != nil {
		return result, err
	}
	err = w.report.Phase(ctx, "output", func(ctx context.Context) error {
		result.Written, result.Unpacked, err = w.stream(ctx, env.Out, archive.Options{})
		return err
	})
	return result, err
}

// unpackTree copies the tree onto the target drive.
func (w *worker) unpackTree(ctx context.Context, env bootset.Env) error {
	if err := w.mountWork(ctx, env.Root, env.Out); err != nil {
		return err
	}
	device, err := boot.Drive(ctx, wire.Tree)
	if err != nil {
		return err
	}
	if err := boot.MountReadOnly(device, treeDir); err != nil {
		return fmt.Errorf("the tree of packages: %w", err)
	}
	total := w.job.Tree.Unpacked
	_, err = copytree.Copy(ctx, treeDir, env.Root, func(done int64) { w.report.Progress(done, max(done, total), "bytes") })
	return errors.Join(err, boot.Unmount(treeDir))
}
