package pebble

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
)

// stage2Image is the installer's root file system, below the tree. Where its kernel and initrd are differs by platform.
const stage2Image = "images/install.img"

// keepFiles makes the installer's packages keep what they have unpacked.
func keepFiles(pkgs []pkg) {
	in := map[string]bool{}
	for _, p := range closure(pkgs) {
		in[p.Name] = true
	}
	for i := range pkgs {
		if in[pkgs[i].Name] {
			pkgs[i].kept = &keptFiles{}
		}
	}
}

// closure are the packages marked for the installer and all that they require.
func closure(pkgs []pkg) []pkg {
	by := map[string]int{}
	for i, p := range pkgs {
		by[p.Name] = i
		for _, name := range p.Provides {
			name, _, _ = strings.Cut(name, " ")
			if _, taken := by[name]; !taken {
				by[name] = i
			}
		}
	}
	for i, p := range pkgs {
		by[p.Name] = i
	}
	in := make([]bool, len(pkgs))
	var add func(i int)
	add = func(i int) {
		if in[i] {
			return
		}
		in[i] = true
		for _, name := range pkgs[i].Requires {
			name, _, _ = strings.Cut(name, " ")
			if j, ok := by[name]; ok {
				add(j)
			}
		}
	}
	for i, p := range pkgs {
		if p.Rule.Stage2 {
			add(i)
		}
	}
	var out []pkg
	for i, p := range pkgs {
		if in[i] {
			out = append(out, p)
		}
	}
	return out
}

// installer collects the files of the installer: those of all its packages, and what scriptlets would have made. It needs neither
// root nor the architecture's own CPU.
func installer(ctx context.Context, pkgs []pkg, k kernel, a arch.Arch, jobs int) (files, error) {
	parts := make([]files, len(pkgs))
	err := each(ctx, jobs, len(pkgs), func(ctx context.Context, i int) (err error) {
		parts[i], err = pkgs[i].load(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := files{}
	for _, part := range parts {
		for _, f := range part {
			if !f.Ghost && !strings.HasPrefix(f.Path, "/boot/") {
				all.add(f)
			}
		}
	}
	text := func(p, body string) {
		all.add(file{Path: p, Mode: typeFile | 0o644, MTime: epoch, Body: []byte(body)})
	}
	text("/etc/machine-id", "")
	text("/etc/hostname", "installer\n")
	text("/.buildstamp", fmt.Sprintf("[Main]\nProduct=Pebble\nVersion=%s\nIsFinal=True\n", version))
	return all, depmod(ctx, all, k, a)
}

// writeStage2 packs the installer's root file system as a squashfs.
func writeStage2(ctx context.Context, all files, name string) error {
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(writeTar(pw, all)) }()
	defer pr.Close()
	err := command.Run(ctx, command.Cmd{Stdin: pr, Args: []string{"mksquashfs", "-", name, "-tar", "-no-progress", "-quiet", "-noappend",
		"-comp", "zstd", "-Xcompression-level", "3", "-processors", "2", "-all-root",
		"-mkfs-time", fmt.Sprint(epoch)}})
	if err != nil {
		return fmt.Errorf("pack %s: %w", stage2Image, err)
	}
	return os.Chmod(name, 0o644)
}

func writeTar(w io.Writer, all files) error {
	tw := tar.NewWriter(w)
	seen := map[string]bool{"/": true, ".": true}
	for _, f := range all.sorted() {
		if err := parents(tw, path.Dir(f.Path), all, seen); err != nil {
			return err
		}
		if seen[f.Path] {
			continue
		}
		if err := writeEntry(tw, f); err != nil {
			return err
		}
		seen[f.Path] = true
	}
	return tw.Close()
}

// parents writes the folders above a file that no package owns.
func parents(tw *tar.Writer, dir string, all files, seen map[string]bool) error {
	var missing []string
	for ; !seen[dir]; dir = path.Dir(dir) {
		missing = append(missing, dir)
	}
	slices.Reverse(missing)
	for _, dir := range missing {
		f, ok := all[dir]
		if !ok {
			f = file{Path: dir, Mode: typeDir | 0o755, MTime: epoch}
		}
		if err := writeEntry(tw, f); err != nil {
			return err
		}
		seen[dir] = true
	}
	return nil
}

func writeEntry(tw *tar.Writer, f file) error {
	h := &tar.Header{Name: strings.TrimPrefix(f.Path, "/"), Mode: int64(f.Mode & 0o7777), ModTime: time.Unix(f.MTime, 0), Format: tar.FormatPAX}
	switch {
	case f.is(typeDir):
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case f.is(typeLink):
		h.Typeflag, h.Linkname = tar.TypeSymlink, string(f.Body)
	default:
		h.Typeflag, h.Size = tar.TypeReg, int64(len(f.Body))
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	_, err := tw.Write(f.Body)
	return err
}
