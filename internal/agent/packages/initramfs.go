package packages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"syscall"

	"github.com/quarry-project/quarry/internal/command"
)

// genericConf makes every initramfs a generic one while packages are installed: what dracut would find here is the build host. It
// comes last, behind the distribution's own hostonly="yes".
const genericConf = "etc/dracut.conf.d/99-quarry-generic.conf"

// forceGeneric puts genericConf in place and returns what removes it again.
func forceGeneric(root string) (func() error, error) {
	file := filepath.Join(root, genericConf)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte("hostonly=\"no\"\nhostonly_cmdline=\"no\"\n"), 0o644); err != nil {
		return nil, err
	}
	return func() error {
		if err := os.Remove(file); err != nil {
			return err
		}
		// A system without dracut has no use for the folder; one with it has files of its own in there or owns it.
		if _, err := os.Lstat(filepath.Join(root, "usr/bin/dracut")); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(filepath.Dir(file))
		}
		return nil
	}, nil
}

// kernels lists the installed kernels that have no initramfs yet.
func kernels(root string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(root, "usr/lib/modules/*/vmlinuz"))
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, f := range found {
		dir := filepath.Dir(f)
		// A link is another name of a kernel that has its own.
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			continue
		}
		version := filepath.Base(dir)
		info, err := os.Stat(filepath.Join(root, "boot", "initramfs-"+version+".img"))
		if err == nil && info.Size() > 0 {
			continue
		}
		missing = append(missing, version)
	}
	sort.Strings(missing)
	return missing, nil
}

// initramfs makes what the kernel's own scripts have not made.
func initramfs(ctx context.Context, env Env) error {
	versions, err := kernels(env.Root)
	if err != nil {
		return err
	}
	for _, version := range versions {
		if _, err := os.Stat(filepath.Join(env.Root, "usr/bin/dracut")); err != nil {
			env.warn("kernel " + version + " has no initramfs, and no dracut is installed that could make one")
			continue
		}
		env.log("making the initramfs of kernel " + version)
		err := command.Run(ctx, command.Cmd{
			Args: []string{"/usr/bin/dracut", "--no-hostonly", "--force", "/boot/initramfs-" + version + ".img", version},
			Env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"},
			Dir:  "/", Attr: &syscall.SysProcAttr{Chroot: env.Root},
		})
		if err != nil {
			return fmt.Errorf("making the initramfs of kernel %s: %w", version, err)
		}
	}
	return nil
}
