package pebble

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/u-root/pkg/cpio"
)

// initrdFiles picks from the installer what its initrd needs: modprobe with its libraries, and the modules with what they
// depend on. Whoever boots it brings the program to start, as a second archive.
func initrdFiles(all files, k kernel, modules []string) (files, error) {
	out := files{}
	for _, p := range []string{"/bin", "/sbin", "/lib", "/lib64", "/usr/sbin/modprobe", "/usr/sbin/insmod", "/usr/bin/kmod"} {
		f, ok := all[p]
		if !ok {
			return nil, fmt.Errorf("initrd: the installer has no %s", p)
		}
		out.add(f)
	}
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run", "/tmp", "/etc/modprobe.d", "/usr/lib64"} {
		out.add(file{Path: dir, Mode: typeDir | 0o755})
	}
	if err := addLibraries(all, out, "/usr/bin/kmod"); err != nil {
		return nil, err
	}
	for p, f := range all {
		if strings.HasPrefix(p, "/usr/lib/modprobe.d/") {
			out.add(f)
		}
	}
	return out, addModules(all, out, k, modules)
}

// addLibraries copies the program's interpreter and shared libraries, and theirs.
func addLibraries(all, out files, program string) error {
	f := all[program]
	bin, err := elf.NewFile(bytes.NewReader(f.Body))
	if err != nil {
		return fmt.Errorf("initrd: %s: %w", program, err)
	}
	needed, err := bin.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("initrd: %s: %w", program, err)
	}
	if s := bin.Section(".interp"); s != nil {
		name, err := s.Data()
		if err != nil {
			return fmt.Errorf("initrd: %s: %w", program, err)
		}
		needed = append(needed, path.Base(string(bytes.TrimRight(name, "\x00"))))
	}
	for _, name := range needed {
		found := false
		for p := range all {
			if path.Base(p) != name || !isLibrary(p) {
				continue
			}
			found = true
			if _, done := out[p]; done {
				continue
			}
			if err := addLinked(all, out, p); err != nil {
				return err
			}
		}
		if !found {
			return fmt.Errorf("initrd: %s needs %s, which the installer lacks", program, name)
		}
	}
	return nil
}

// isLibrary reports whether p is where the program loader looks: /usr/lib64, /usr/lib or Debian's folder for the architecture in it.
func isLibrary(p string) bool {
	return (strings.HasPrefix(p, "/usr/lib/") || strings.HasPrefix(p, "/usr/lib64/")) && strings.Count(p, "/") <= 4
}

// addLinked copies a library and, where it is a link, what that leads to.
func addLinked(all, out files, p string) error {
	f := all[p]
	out.add(f)
	if !f.is(typeLink) {
		return addLibraries(all, out, p)
	}
	target := string(f.Body)
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(p), target)
	}
	target = merge(target)
	if _, ok := all[target]; !ok {
		return fmt.Errorf("initrd: %s leads to %s, which is not there", p, target)
	}
	if _, done := out[target]; done {
		return nil
	}
	return addLinked(all, out, target)
}

// addModules copies the modules and their dependencies. One that is built in needs no file.
func addModules(all, out files, k kernel, modules []string) error {
	dir := modulesDir + k.Name + "/"
	deps := map[string][]string{} // module's name → its file and those that it depends on
	for line := range strings.Lines(string(all[dir+"modules.dep"].Body)) {
		file, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok {
			deps[moduleName(file)] = append([]string{file}, strings.Fields(rest)...)
		}
	}
	if len(deps) == 0 {
		return fmt.Errorf("initrd: no modules.dep for kernel %s", k.Name)
	}
	builtin := map[string]bool{}
	for line := range strings.Lines(string(all[dir+"modules.builtin"].Body)) {
		builtin[moduleName(strings.TrimSpace(line))] = true
	}
	for _, name := range modules {
		needed := deps[moduleName(name)]
		if len(needed) == 0 && !builtin[moduleName(name)] {
			return fmt.Errorf("initrd: kernel %s has no module %s", k.Name, name)
		}
		for _, file := range needed {
			out.add(all[dir+file])
		}
	}
	for p, f := range all {
		if path.Dir(p)+"/" == dir && strings.HasPrefix(path.Base(p), "modules.") {
			out.add(f)
		}
	}
	out.add(all[modulesDir+k.Uname])
	return nil
}

func moduleName(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// writeInitrd packs files as a zstd-compressed cpio archive in the kernel's "newc" form.
func writeInitrd(w io.Writer, all files) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return err
	}
	rw := cpio.Newc.Writer(z)
	names := map[string]bool{}
	for p := range all {
		for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
			if _, own := all[dir]; !own {
				names[dir] = true
			}
		}
	}
	var records []cpio.Record
	for dir := range names {
		records = append(records, cpio.Directory(dir[1:], 0o755))
	}
	for p, f := range all {
		switch {
		case f.is(typeDir):
			records = append(records, cpio.Directory(p[1:], uint64(f.Mode&0o7777)))
		case f.is(typeLink):
			records = append(records, cpio.Symlink(p[1:], string(f.Body)))
		default:
			records = append(records, cpio.StaticFile(p[1:], string(f.Body), uint64(f.Mode&0o7777)))
		}
	}
	slices.SortFunc(records, func(a, b cpio.Record) int { return strings.Compare(a.Name, b.Name) })
	cpio.MakeAllReproducible(records)
	if err := cpio.WriteRecords(rw, records); err != nil {
		return err
	}
	if err := cpio.WriteTrailer(rw); err != nil {
		return err
	}
	return z.Close()
}
