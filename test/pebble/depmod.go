package pebble

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
)

// depmod adds the index of the kernel's modules to the installer's files. The installer's own kmod makes it, so that the host
// needs none; a foreign one runs under QEMU's user emulation.
func depmod(ctx context.Context, all files, k kernel, a arch.Arch) error {
	dir, err := os.MkdirTemp("", "pebble-modules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tool := files{}
	if err := addLibraries(all, tool, "/usr/bin/kmod"); err != nil {
		return err
	}
	var libraries []string
	loader := ""
	for p := range tool {
		if libraries = append(libraries, filepath.Join(dir, path.Dir(p))); strings.HasPrefix(path.Base(p), "ld") && all[p].is(typeFile) {
			loader = filepath.Join(dir, p)
		}
		if err := unpack(dir, p, resolve(all, p)); err != nil {
			return err
		}
	}
	if err := unpack(dir, "/usr/bin/kmod", all["/usr/bin/kmod"]); err != nil {
		return err
	}
	for p, f := range all {
		if strings.HasPrefix(p, modulesDir+k.Name+"/") && f.is(typeFile) {
			if err := unpack(dir, p, f); err != nil {
				return err
			}
		}
	}
	if err := os.Symlink("usr/lib", filepath.Join(dir, "lib")); err != nil {
		return err
	}
	slices.Sort(libraries)
	args := []string{loader, "--library-path", strings.Join(slices.Compact(libraries), ":"), "--argv0", "depmod",
		filepath.Join(dir, "usr/bin/kmod"), "-b", dir, k.Name}
	if !a.Native() {
		args = append([]string{a.User}, args...)
	}
	if err := command.Run(ctx, command.Cmd{Args: args}); err != nil {
		return fmt.Errorf("index the modules of kernel %s: %w", k.Name, err)
	}
	return addIndexes(all, filepath.Join(dir, modulesDir, k.Name), modulesDir+k.Name)
}

func addIndexes(all files, dir, to string) error {
	found, err := filepath.Glob(filepath.Join(dir, "modules.*"))
	if err != nil {
		return err
	}
	for _, name := range found {
		body, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		all.add(file{Path: path.Join(to, filepath.Base(name)), Mode: typeFile | 0o644, MTime: epoch, Body: body})
	}
	return nil
}

// resolve follows links among the files.
func resolve(all files, p string) file {
	f := all[p]
	for range 10 {
		if !f.is(typeLink) {
			break
		}
		target := string(f.Body)
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(f.Path), target)
		}
		f = all[merge(target)]
	}
	return f
}

func unpack(dir, p string, f file) error {
	to := filepath.Join(dir, p)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, f.Body, os.FileMode(f.Mode&0o777))
}
