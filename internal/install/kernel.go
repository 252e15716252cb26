package install

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/vm"
)

// Bounds of what a machine may say a disk's kernel is, in bytes.
const (
	maxKernelFile = 512 << 20
	maxCmdline    = 4 << 10
)

// KernelSpec is what is needed to take the kernel out of a finished image.
type KernelSpec struct {
	Image     artifact.Image // qcow2 or raw; it is not changed
	Release   string         // major release: chooses the emulated CPU
	Inputs    resolve.Inputs
	Agent     string // the agent's program for the image's architecture
	Accel     vm.Accel
	Deadlines vm.Deadlines
	Dir       string // existing folder that gets the files
	LogDir    string // existing folder that gets the console's log
}

// Kernel copies the newest kernel of an image, its initramfs and its command line out of it, so that a machine can be started with them where
// the image has no boot loader that works. A machine of the image's architecture reads the disk: the host knows no file systems. Errors are those of vm.Follow,
// and wrapped ones of the host.
func Kernel(ctx context.Context, s KernelSpec, report progress.Func) (kernel artifact.Kernel, err error) {
	a, err := arch.Lookup(s.Image.Arch)
	if err != nil {
		return kernel, err
	}
	log := filepath.Join(s.LogDir, "kernel")
	if err := os.MkdirAll(log, 0o755); err != nil {
		return kernel, err
	}
	initrd, output := filepath.Join(s.Dir, "machine.img"), filepath.Join(s.Dir, "output.raw")
	defer func() {
		for _, f := range []string{initrd, output} {
			if removeErr := os.Remove(f); !errors.Is(removeErr, os.ErrNotExist) {
				err = errors.Join(err, removeErr)
			}
		}
	}()
	job := wire.Job{Format: wire.Format, Kind: wire.Kernel, Release: s.Release, Arch: a.Name}
	if err := errors.Join(writeInitrd(initrd, s.Inputs.Initrd.Path, s.Agent, job, ""), makeSparse(output, 2*maxKernelFile+1<<20)); err != nil {
		return kernel, err
	}
	running, err := vm.Start(ctx, vm.Machine{
		Arch: a, Release: s.Release, CPUs: 1, MemoryMiB: 1024, Accel: s.Accel,
		Kernel: s.Inputs.Kernel.Path, Initrd: initrd, Append: kernelArguments(), Events: true, Dir: log,
		Drives: []vm.Drive{
			{Path: s.Image.Path, Format: s.Image.Format, Serial: wire.Target, ReadOnly: true},
			{Path: s.Inputs.Stage2.Path, Format: "raw", Serial: wire.Runtime, ReadOnly: true},
			{Path: output, Format: "raw", Serial: wire.Output, Unsafe: true},
		},
	})
	if err != nil {
		return kernel, fmt.Errorf("starting a machine to read the image's kernel: %w", err)
	}
	result, _, err := vm.Follow(ctx, running, s.Deadlines, report)
	if err != nil {
		return kernel, fmt.Errorf("reading the image's kernel: %w", err)
	}
	in, err := os.Open(output)
	if err != nil {
		return kernel, err
	}
	defer in.Close()
	return unpackKernel(io.LimitReader(in, result.Written), s.Dir)
}

// unpackKernel reads what the machine wrote. It comes from a guest: names are compared, never used, and sizes bounded.
func unpackKernel(r io.Reader, dir string) (artifact.Kernel, error) {
	var kernel artifact.Kernel
	in := tar.NewReader(r)
	for _, want := range []struct {
		name string
		max  int64
	}{{wire.KernelFile, maxKernelFile}, {wire.InitrdFile, maxKernelFile}, {wire.CmdlineFile, maxCmdline}} {
		h, err := in.Next()
		if err != nil {
			return artifact.Kernel{}, fmt.Errorf("the machine wrote no %s: %w", want.name, err)
		}
		if h.Name != want.name || h.Typeflag != tar.TypeReg || h.Size <= 0 || h.Size > want.max {
			return artifact.Kernel{}, fmt.Errorf("the machine wrote %q of %d bytes in place of the %s", wire.Clean(h.Name), h.Size, want.name)
		}
		if want.name == wire.CmdlineFile {
			text, err := io.ReadAll(in)
			if err != nil {
				return artifact.Kernel{}, err
			}
			kernel.Cmdline = strings.TrimSpace(wire.Clean(string(text)))
			continue
		}
		file := artifact.File{Path: filepath.Join(dir, want.name), Size: h.Size}
		if err := writeFrom(file.Path, in); err != nil {
			return artifact.Kernel{}, err
		}
		if want.name == wire.KernelFile {
			kernel.File = file
		} else {
			kernel.Initrd = file
		}
	}
	return kernel, nil
}

func writeFrom(path string, r io.Reader) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, r)
	return err
}
