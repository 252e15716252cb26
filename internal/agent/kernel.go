package agent

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/bootset"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// bootDir is where a file system of the disk is looked at.
const bootDir = "/run/quarry/boot"

// takeKernel finds the newest kernel that the installed disk would start and writes it, its initramfs and its command line to the output
// drive. The disk isn't changed.
func (w *worker) takeKernel(ctx context.Context) (result wire.Result, err error) {
	err = w.report.Phase(ctx, "kernel", func(ctx context.Context) error {
		target, err := boot.Drive(ctx, wire.Target)
		if err != nil {
			return err
		}
		output, err := boot.Drive(ctx, wire.Output)
		if err != nil {
			return err
		}
		parts, err := w.fileSystems(ctx, target)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(bootDir, 0o755); err != nil {
			return err
		}
		for _, p := range parts {
			if err := unix.Mount(p.Device, bootDir, p.Type, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
				return fmt.Errorf("mount %s (%s): %w", p.Device, p.Type, err)
			}
			written, err := w.kernelOf(bootDir, output)
			err = errors.Join(err, boot.Unmount(bootDir))
			if err != nil || written > 0 {
				result.Written = written
				return err
			}
		}
		return fmt.Errorf("no partition of the disk holds boot loader entries, or a Pi's kernel and initramfs (logical volumes are not searched)")
	})
	return result, err
}

// kernelOf writes what the entries of the file system at dir name; 0 is that there are none.
func (w *worker) kernelOf(dir, output string) (written int64, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	entries := map[string]string{}
	for _, folder := range []string{"loader/entries", "boot/loader/entries"} {
		names, _ := filepath.Glob(filepath.Join(dir, folder, "*.conf"))
		for _, name := range names {
			text, err := root.ReadFile(path.Join(folder, filepath.Base(name)))
			if err != nil {
				return 0, err
			}
			entries[filepath.Base(name)] = string(text)
		}
	}
	e, ok := newest(entries)
	if !ok {
		e, ok = piEntry(root)
	}
	if !ok {
		return 0, nil
	}
	w.report.Logf("the disk's newest kernel is %s", e.version)
	out, err := os.OpenFile(output, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Sync(), out.Close()) }()
	counted := &counter{w: out}
	archive := tar.NewWriter(counted)
	if err := errors.Join(addFile(archive, root, wire.KernelFile, e.kernel), addFile(archive, root, wire.InitrdFile, e.initrd)); err != nil {
		return 0, err
	}
	if err := archive.WriteHeader(&tar.Header{Name: wire.CmdlineFile, Mode: 0o644, Size: int64(len(e.options)), Typeflag: tar.TypeReg}); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(archive, e.options); err != nil {
		return 0, err
	}
	return counted.n, archive.Close()
}

func addFile(archive *tar.Writer, root *os.Root, name, from string) error {
	f, err := root.Open(strings.TrimPrefix(from, "/"))
	if errors.Is(err, os.ErrNotExist) {
		// zipl's entries name files as they are in the system, though /boot may be a file system of its own.
		f, err = root.Open(strings.TrimPrefix(from, "/boot/"))
	}
	if err != nil {
		return fmt.Errorf("the boot loader's entry names a file that is not there: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size(), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.Copy(archive, f)
	return err
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// entry is one entry of the Boot Loader Specification; paths are those on the file system that holds the entries.
type entry struct{ version, kernel, initrd, options string }

// newest chooses the entry with the highest version that is not the rescue kernel's.
func newest(texts map[string]string) (best entry, ok bool) {
	for name, text := range texts {
		if strings.Contains(name, "rescue") {
			continue
		}
		e := parseEntry(text)
		if e.kernel != "" && e.initrd != "" && (!ok || bootset.CompareVersions(e.version, best.version) > 0) {
			best, ok = e, true
		}
	}
	return best, ok
}

// parseEntry reads an entry. Words that begin with "$" are grub's variables, which nobody sets here.
func parseEntry(text string) entry {
	var e entry
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := slices.DeleteFunc(strings.Fields(value), func(w string) bool { return strings.HasPrefix(w, "$") })
		first := strings.Join(words[:min(1, len(words))], "")
		switch key {
		case "version":
			e.version = first
		case "linux":
			e.kernel = first
		case "initrd":
			e.initrd = first
		case "options":
			e.options = strings.Join(words, " ")
		}
	}
	return e
}

// piEntry is what a Raspberry Pi's firmware would start, of a file system that is its /boot. Such a kernel starts on another machine only by the
// drivers of an initramfs; without one there is no entry.
func piEntry(root *os.Root) (e entry, ok bool) {
	const kernel, initrd, arguments = "kernel8.img", "initramfs8", "cmdline.txt"
	text, err := root.ReadFile(arguments)
	for _, name := range []string{kernel, initrd} {
		_, missing := root.Stat(name)
		err = errors.Join(err, missing)
	}
	return entry{version: kernel, kernel: kernel, initrd: initrd, options: strings.TrimSpace(string(text))}, err == nil
}
