package pebble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
)

// Boot makes of a tree only what a machine starts with, the installer's kernel and initrd, and returns its root: for tests that
// start an architecture's machine and install nothing. It costs the download of a kernel and a few seconds; no package is converted.
func Boot(ctx context.Context, o Options) (root string, err error) {
	b, err := newBuild(o)
	if err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(b.cache, "lock"))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return "", fmt.Errorf("wait for another build of Pebble in %s: %w", b.cache, err)
	}
	defer func() { _ = lock.Unlock() }() // ends with the process at the latest
	// The kernel asks for a maker of initramfs; the smallest one keeps the closure small.
	seeds := []string{b.platform().Kernel, "kmod", "tiny-initramfs"}
	source := archive{dir: filepath.Join(b.cache, "archive", b.arch.Debian), arch: b.arch}
	if b.debs, err = source.resolve(ctx, seeds, "boot", b.Refresh); err != nil {
		return "", err
	}
	code, err := codeDigest(false)
	if err != nil {
		return "", err
	}
	id, err := digest.JSON([]any{b.debs, code})
	if err != nil {
		return "", err
	}
	root = filepath.Join(b.cache, "boots", b.arch.Name+"-"+id.Short())
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	if err := source.download(ctx, seeds, b.debs); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(root), ".new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	if err := b.bootImages(ctx, filepath.Join(tmp, b.decl.Repositories[0].below(b.arch.Name))); err != nil {
		return "", err
	}
	return root, durable.Rename(tmp, root)
}

// BootFiles returns where a tree, or what Boot made, has the kernel and the initrd of an architecture.
func BootFiles(root, arch string) (kernel, initrd string, err error) {
	decl, err := load(false)
	if err != nil {
		return "", "", err
	}
	dir := filepath.Join(root, decl.Repositories[0].below(arch))
	images := decl.Platforms[arch].Images
	return filepath.Join(dir, images.Kernel), filepath.Join(dir, images.Initrd), nil
}

// bootImages makes the kernel and the initrd out of the closure of the kernel and of modprobe.
func (b *build) bootImages(ctx context.Context, dir string) error {
	var controls []control
	for _, d := range b.debs {
		c, err := readControl(ctx, d.Path)
		if err != nil {
			return err
		}
		controls = append(controls, c)
	}
	k, image, ok := findKernel(controls, b.arch)
	if !ok {
		return errors.New("the closure has no kernel")
	}
	all := files{}
	for name, to := range map[string]string{"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64"} {
		all.add(file{Path: name, Mode: typeLink | 0o777, Body: []byte(to), MTime: epoch})
	}
	for i, d := range b.debs {
		own := files{}
		if err := readFiles(ctx, d.Path, filter{drop: b.decl.Drop}, nil, own); err != nil {
			return err
		}
		parts := []files{own}
		if controls[i].Package == image.Package {
			parts = []files{k.split("kernel-core", own), k.split("kernel-modules-core", own)}
		}
		for _, part := range parts {
			for _, f := range part {
				all.add(f)
			}
		}
	}
	if err := depmod(ctx, all, k, b.arch); err != nil {
		return err
	}
	return b.writeBoot(all, k, dir)
}

// writeBoot writes the kernel and the initrd to their places below dir.
func (b *build) writeBoot(all files, k kernel, dir string) error {
	image, ok := all[modulesDir+k.Name+"/vmlinuz"]
	if !ok {
		return errors.New("the closure has no kernel image")
	}
	small, err := initrdFiles(all, k, b.platform().Modules)
	if err != nil {
		return err
	}
	to := b.platform().Images
	for _, name := range []string{to.Kernel, to.Initrd} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, to.Kernel), image.Body, 0o644); err != nil {
		return err
	}
	initrd, err := os.Create(filepath.Join(dir, to.Initrd))
	if err != nil {
		return err
	}
	defer initrd.Close()
	if err := writeInitrd(initrd, small); err != nil {
		return err
	}
	if err := initrd.Close(); err != nil {
		return err
	}
	for _, name := range []string{to.Kernel, to.Initrd} {
		if err := durable.Sync(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
