package agent

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/packages"
	"github.com/quarry-project/quarry/internal/agent/tree"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// workDir is where the scratch drive is mounted, which holds the new root and dnf's cache.
const workDir = "/run/quarry/work"

// installPackages makes the package tree in the machine, where the host has no sandbox for it: on the target drive, as
// memory would be too small, packed as squashfs onto the output drive.
func (w *worker) installPackages(ctx context.Context) (wire.Result, error) {
	if w.job.Packages == nil {
		return wire.Result{}, errors.New("the job names no packages")
	}
	if !w.runtime.Has("mksquashfs") {
		return wire.Result{}, errors.New("the installer's second stage has no mksquashfs: the packages can't be installed in the machine, use --packages sandbox")
	}
	var result wire.Result
	env := packages.Env{
		Root: filepath.Join(workDir, "root"), Repo: payloadDir, Cache: filepath.Join(workDir, "cache"), Log: filepath.Join(workDir, "log"),
		Report: w.report.Send,
	}
	err := w.report.Phase(ctx, "storage", func(ctx context.Context) error { return w.mountScratch(ctx, env) })
	if err != nil {
		return wire.Result{}, err
	}
	err = w.report.Phase(ctx, "packages", func(ctx context.Context) error {
		installed, err := tree.Install(ctx, env, *w.job.Packages)
		for _, p := range installed {
			result.Packages = append(result.Packages, fmt.Sprintf("%s %s %s %s %s %d", p.Name, p.Epoch, p.Version, p.Release, p.Arch, p.Size))
		}
		return err
	})
	if err != nil {
		return wire.Result{}, err
	}
	err = w.report.Phase(ctx, "squashfs", func(ctx context.Context) (err error) {
		if result.Unpacked, err = tree.Size(env.Root); err != nil {
			return err
		}
		result.Written, err = w.pack(ctx, env.Root)
		return err
	})
	return result, err
}

func (w *worker) mountScratch(ctx context.Context, env packages.Env) error {
	if err := w.mountWork(ctx, env.Root, env.Cache, env.Log); err != nil {
		return err
	}
	payload, err := boot.Drive(ctx, wire.Payload)
	if err != nil {
		return err
	}
	return boot.MountReadOnly(payload, payloadDir)
}

// mountWork gives workDir the target drive to work on, with new folders in it.
func (w *worker) mountWork(ctx context.Context, dirs ...string) error {
	scratch, err := boot.Drive(ctx, wire.Target)
	if err != nil {
		return err
	}
	if err := w.formatScratch(ctx, scratch); err != nil {
		return err
	}
	if err := os.MkdirAll(workDir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(scratch, workDir, "ext4", 0, ""); err != nil {
		return fmt.Errorf("mount the scratch drive: %w", err)
	}
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// formatScratch makes a file system for a single use: a journal would only cost time.
func (w *worker) formatScratch(ctx context.Context, device string, options ...string) error {
	args := append([]string{"mkfs.ext4", "-q", "-F", "-O", "^has_journal"}, options...)
	if err := w.runtime.Run(ctx, append(args, device)...); err != nil {
		return fmt.Errorf("format the drive %s: %w", device, err)
	}
	return nil
}

// pack writes the root onto the output drive, uncompressed, which costs nothing under emulation, and returns how many bytes of the drive
// it takes.
func (w *worker) pack(ctx context.Context, root string) (int64, error) {
	output, err := boot.Drive(ctx, wire.Output)
	if err != nil {
		return 0, err
	}
	err = w.runtime.Run(ctx, "mksquashfs", root, output, "-noappend", "-no-progress", "-mkfs-time", "0", "-noI", "-noD", "-noF", "-noX")
	if err != nil {
		return 0, fmt.Errorf("pack the tree of packages: %w", err)
	}
	unix.Sync()
	f, err := os.Open(output)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	return squashSize(f)
}

// squashSize reads a squashfs's size from its superblock: bytes 40 to 47 are the bytes used, and mksquashfs fills the last
// 4 KiB up.
func squashSize(f io.ReaderAt) (int64, error) {
	var head [48]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return 0, fmt.Errorf("read the squashfs back: %w", err)
	}
	used := int64(binary.LittleEndian.Uint64(head[40:]))
	if string(head[:4]) != "hsqs" || used <= 0 {
		return 0, errors.New("what mksquashfs wrote is no squashfs")
	}
	const block = 4 << 10
	return (used + block - 1) / block * block, nil
}
