package live

import (
	"cmp"
	"context"
	"path"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/iso"
)

// Names of boot files and their folders, as a boot set has them.
const (
	shim      = "shim.efi"
	mok       = "mok.efi"
	grubEFI   = "grub.efi"
	font      = "unicode.pf2"
	isolinux  = "isolinux"
	grubDir   = "grub"
	grubImage = "core.img"
	memtest   = "memtest"
)

// initrdInput is what a medium's boot files depend on: nothing of the kickstart but the packages.
type initrdInput struct {
	Tree  digest.Digest
	Want  wire.BootSpec
	Agent string // only where the machine makes them: its agent's code matters then
}

type initrdResult struct {
	Set    install.BootSet
	Phases []artifact.Phase
}

// Files of a boot set: all of them.
func (r initrdResult) Files() []artifact.File {
	var files []artifact.File
	for _, f := range r.Set.Files {
		files = append(files, f)
	}
	return files
}

// makeInitrd makes the medium's initramfs and takes its boot files out of the packages' tree.
func makeInitrd(ctx context.Context, job builders.Job, packages artifact.Tree) (initrdResult, error) {
	a, err := arch.Lookup(job.Plan.Arch)
	if err != nil {
		return initrdResult{}, err
	}
	in := initrdInput{Tree: packages.Digest, Want: bootSpec(a, loader(a, job.Plan.Live.Boot))}
	if job.Packages == install.Machine {
		in.Agent = job.AgentID
	}
	needs := engine.Needs{CPUs: 1, MemoryMiB: 1024, DiskBytes: packages.Unpacked + 1<<30}
	if job.Packages == install.Machine {
		needs = builders.MachineNeeds(install.TreeCPUs, install.TreeMemoryMiB, packages.Unpacked+2<<30)
	}
	return do(ctx, job, "initrd", needs, in, func(ctx context.Context, env engine.Env) (out initrdResult, err error) {
		report, phases := watch("initrd", env.Report)
		out.Set, err = install.MakeBootSet(ctx, install.BootSpec{
			Tree: packages, Want: in.Want, Method: job.Packages, Dir: env.Dir, LogDir: env.LogDir,
			Inputs: job.Inputs, Agent: job.Agent, Accel: job.Accel, Release: job.Plan.Release, Deadlines: job.Deadlines,
		}, report)
		out.Phases = phases()
		return out, err
	})
}

// loader is what a BIOS starts, where the architecture has one.
func loader(a arch.Arch, wanted string) string {
	if _, ok := a.Has(arch.BIOS); ok {
		return wanted
	}
	return ""
}

// bootSpec is what a medium of the architecture wants of the packages. It is pure. What dracut adds is what livemedia-creator has it add.
func bootSpec(a arch.Arch, loader string) wire.BootSpec {
	spec := wire.BootSpec{Dracut: wire.Dracut{
		Add: []string{"livenet", "dmsquash-live"}, Optional: []string{"convertfs", "pollcdrom", "qemu", "qemu-net"}, Omit: []string{"plymouth"},
	}}
	add := func(name, pack string, optional bool, globs ...string) {
		spec.Files = append(spec.Files, wire.BootFile{Name: name, Globs: globs, Package: pack, Optional: optional})
	}
	if a.EFI != "" {
		// Shim is made for the architectures that have signatures; elsewhere grub is started directly.
		uefi, _ := a.Has(arch.UEFI)
		signed := len(uefi.Loader) > 0 && strings.HasPrefix(uefi.Loader[0], "shim-")
		add(shim, "shim-"+a.EFI, !signed, "boot/efi/EFI/*/shim"+a.EFI+".efi")
		add(mok, "shim-"+a.EFI, true, "boot/efi/EFI/*/mm"+a.EFI+".efi")
		add(grubEFI, "grub2-efi-"+a.EFI+"-cdboot", false, "boot/efi/EFI/*/gcd"+a.EFI+".efi")
		add(font, "grub2-common", true, "usr/share/grub/unicode.pf2", "boot/grub2/fonts/unicode.pf2")
	}
	if loader == iso.Isolinux {
		for _, name := range []string{"isolinux.bin", "isohdpfx.bin", "ldlinux.c32", "libcom32.c32", "libutil.c32", "vesamenu.c32"} {
			pack := "syslinux-nonlinux"
			if name == "isohdpfx.bin" {
				pack = "syslinux"
			}
			add(path.Join(isolinux, name), pack, false, "usr/share/syslinux/"+name)
		}
	}
	if loader != "" {
		add(memtest, "memtest86+", true, "boot/memtest86+x64.bin", "boot/memtest86*")
	}
	// Grub for firmware other than UEFI, where the medium starts with it.
	modules := "usr/lib/grub/" + a.Grub
	if args := iso.GrubImageArgs(a.Name, loader, "/"+modules, wire.BootOut+"/"+grubImage); args != nil {
		pack := grubModules(a)
		for _, kind := range []string{"*.mod", "*.lst"} {
			spec.Files = append(spec.Files, wire.BootFile{Name: grubDir, Globs: []string{modules + "/" + kind}, All: true, Package: pack})
		}
		if loader == iso.Grub2 {
			add(path.Join(grubDir, "boot_hybrid.img"), pack, false, modules+"/boot_hybrid.img")
		}
		spec.Make = append(spec.Make, wire.BootMade{Name: grubImage, Args: args, Needs: modules, Package: pack})
	}
	return spec
}

// grubModules is the package of grub's modules for the firmware that the architecture has of its own.
func grubModules(a arch.Arch) string {
	own, _ := a.Own()
	for _, p := range own.Loader {
		if strings.HasSuffix(p, "-modules") {
			return p
		}
	}
	return "grub2"
}

// bootOf says where an ISO's boot files lie.
func bootOf(set install.BootSet) iso.Boot {
	at := func(name string) string { return set.Files[name].Path }
	folder := func(name string) string {
		for n, f := range set.Files {
			if path.Dir(n) == name {
				return filepath.Dir(f.Path)
			}
		}
		return ""
	}
	return iso.Boot{
		Kernel: at(install.BootKernel), Initrd: at(install.BootInitrd),
		EFI:      iso.EFI{Shim: at(shim), MokManager: at(mok), Grub: at(grubEFI), Font: at(font)},
		Isolinux: folder(isolinux), Grub: folder(grubDir), GrubImage: at(grubImage), Memtest: at(memtest),
	}
}

// family is the distribution's name for people: what the title has before the version.
func family(title, version, otherwise string) string {
	name, _, _ := strings.Cut(title, " "+version)
	return cmp.Or(name, otherwise)
}
