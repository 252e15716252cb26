// Package tree makes the package tree around dnf's work: it gives an empty root the kernel's file systems, has the packages installed, ends
// what their scripts left running, and measures the result. The sandbox on the host and the build machine both call it, each in a process
// namespace of its own. Packing the tree is the callers' affair.
package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/packages"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
)

// Install installs spec into env.Root, which exists and is empty, and returns what is installed. It kills every process that the
// caller may, but the first one and the caller: use it only in a process namespace of one's own.
func Install(ctx context.Context, env packages.Env, spec wire.PackageSpec) (installed []artifact.Package, err error) {
	// The mount points have the modes that the packages would give them: rpm leaves alone what is mounted.
	for dir, mode := range map[string]os.FileMode{"proc": 0o555, "sys": 0o555, "dev": 0o755, "run": 0o755} {
		if err := os.Mkdir(filepath.Join(env.Root, dir), mode); err != nil {
			return nil, err
		}
	}
	unbind, err := boot.BindSystem(env.Root)
	if err != nil {
		return nil, err
	}
	installed, err = packages.Install(ctx, env, spec)
	// Whatever a package's script left running would keep changing the root.
	if killErr := boot.KillOthers(); killErr != nil {
		err = errors.Join(err, fmt.Errorf("ending what scripts left running: %w", killErr))
	}
	return installed, errors.Join(err, unbind())
}

// Size adds up the bytes of the files below root; a file with several names counts once.
func Size(root string) (int64, error) {
	total := int64(0)
	seen := map[uint64]bool{}
	err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || stat.Nlink == 1 || !seen[stat.Ino] {
			total += info.Size()
		}
		if ok {
			seen[stat.Ino] = stat.Nlink > 1
		}
		return nil
	})
	return total, err
}
