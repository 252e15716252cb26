package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/bootloader"
	"github.com/quarry-project/quarry/internal/agent/config"
	"github.com/quarry-project/quarry/internal/agent/copytree"
	"github.com/quarry-project/quarry/internal/agent/offline"
	"github.com/quarry-project/quarry/internal/agent/program"
	"github.com/quarry-project/quarry/internal/agent/scripts"
	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
)

// Where things are mounted in the machine. Scripts know the first two.
const (
	sysImage   = "/mnt/sysimage"
	sysRoot    = "/mnt/sysroot"
	treeDir    = "/run/quarry/tree"
	payloadDir = "/run/quarry/payload"
)

// installation is what the phases of an installation hand on.
type installation struct {
	*worker
	arch     arch.Arch
	disk     string
	contents []storage.Content
	mounts   storage.Mounted
	unbind   func() error
	root     *os.Root
	inside   program.Runner // programs of the installed system
}

// install runs a kickstart onto the target drive. A root file system and a live one have no storage and no boot loader of their own: the
// drive is scratch then, or as a whole the file system.
func (w *worker) install(ctx context.Context) (wire.Result, error) {
	a, err := arch.Lookup(w.job.Arch)
	if err != nil {
		return wire.Result{}, err
	}
	i := &installation{worker: w, arch: a, inside: program.In(sysImage, w.report.Log)}
	var result wire.Result
	ending := func(end func(context.Context) (wire.Result, error)) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			result, err = end(ctx)
			return err
		}
	}
	makeStorage, finish := i.makeStorage, i.finish
	switch w.job.Kind {
	case wire.RootFS:
		makeStorage, finish = i.makeScratch, i.pour
	case wire.Live:
		makeStorage, finish = i.makeLive, i.seal
	}
	base, scripts := w.job.Stage != wire.Scripts, w.job.Stage != wire.Base
	for _, phase := range []struct {
		name string
		due  bool
		work func(context.Context) error
	}{
		{"runtime", true, i.startRuntime},
		{"pre", base && w.has("pre"), i.scripts("pre")},
		{"storage", base, makeStorage},
		{"pre-install", base && w.has("pre-install"), i.scripts("pre-install")},
		{"copy", base, i.copyTree},
		{"configuration", base, i.configure},
		{"bootloader", base && w.job.Kind == wire.Install, i.bootLoader},
		{"leave", !scripts, ending(i.leave)},
		{"resume", !base, i.resume},
		{"scripts", scripts && w.has("post"), i.post},
		{"finish", scripts, ending(finish)},
	} {
		if !phase.due {
			continue
		}
		if err := w.report.Phase(ctx, phase.name, phase.work); err != nil {
			return wire.Result{}, err
		}
	}
	return result, nil
}

// startRuntime finds the disk and starts what scripts expect of an installer: the network, if there is to be one, and udev.
func (i *installation) startRuntime(ctx context.Context) error {
	var err error
	if i.disk, err = boot.Drive(ctx, wire.Target); err != nil {
		return err
	}
	if err := storage.Alias("/dev", i.disk, i.job.Storage.Device); err != nil {
		return err
	}
	if !i.job.Offline.Enabled && boot.HasNetwork() {
		if err := boot.StartNetwork(ctx, i.runtime); err != nil {
			return err
		}
	}
	return i.startUdev(ctx)
}

// startUdev starts udev for the disks only: scripts name disks by its links.
func (i *installation) startUdev(ctx context.Context) error {
	const udevd = "/usr/lib/systemd/systemd-udevd"
	if !i.runtime.Has(udevd) || !i.runtime.Has("udevadm") {
		return nil
	}
	for _, args := range [][]string{
		{udevd, "--daemon"},
		{"udevadm", "trigger", "--action=add", "--subsystem-match=block"},
		{"udevadm", "settle", "--timeout=30"},
	} {
		if err := i.runtime.Run(ctx, args...); err != nil {
			i.report.Warnf("udev does not start, so disks have no links by name: %v", err)
			return nil
		}
	}
	return nil
}

func (i *installation) scripts(section string) func(context.Context) error {
	return func(ctx context.Context) error {
		return scripts.Runner{Report: i.report}.Run(ctx, section, i.job.Scripts)
	}
}

// makeStorage lays the disk out and mounts it.
func (i *installation) makeStorage(ctx context.Context) error {
	disk, err := storage.Read(ctx, i.runtime, i.disk)
	if err != nil {
		return err
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return os.NewSyscallError("sysinfo", err)
	}
	layout, err := storage.Plan(disk, i.job.Storage, storage.Machine{
		Arch: i.arch, Distro: i.job.Distro, Memory: int64(info.Totalram) * int64(info.Unit) / storage.MiB, UUID: newUUID,
	})
	if err != nil {
		return err
	}
	if i.contents, err = storage.Make(ctx, i.runtime, layout); err != nil {
		return err
	}
	return i.mountEmpty()
}

// mountEmpty mounts the new file systems and sees that the tree has room in them.
func (i *installation) mountEmpty() error {
	if err := i.mount(); err != nil {
		return err
	}
	if need, free, err := i.room(); err != nil || free < need {
		return errors.Join(err, fmt.Errorf("the packages need %d MiB and the file systems have %d MiB: make the disk or its partitions larger",
			need/storage.MiB, free/storage.MiB))
	}
	return nil
}

func (i *installation) mount() (err error) {
	i.mounts, err = storage.Mount(i.contents, sysImage, sysRoot)
	i.mounted = err == nil
	return err
}

// room compares what the tree needs with what all mounted file systems have.
func (i *installation) room() (need, free int64, err error) {
	need = i.job.Tree.Unpacked
	for _, target := range i.mounts.Targets() {
		var st unix.Statfs_t
		if err := unix.Statfs(target, &st); err != nil {
			return need, free, fmt.Errorf("ask %s for its size: %w", target, err)
		}
		free += int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // the type of Bsize differs between architectures
	}
	return need, free, nil
}

// newUUID is a random one, RFC 9562 version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// copyTree copies the packages' tree onto the disk and makes the system there able to run programs.
func (i *installation) copyTree(ctx context.Context) error {
	device, err := boot.Drive(ctx, wire.Tree)
	if err != nil {
		return err
	}
	if err := boot.MountReadOnly(device, treeDir); err != nil {
		return fmt.Errorf("the tree of packages: %w", err)
	}
	total := i.job.Tree.Unpacked
	stats, err := copytree.Copy(ctx, treeDir, sysImage, func(done int64) {
		i.report.Progress(done, max(done, total), "bytes")
	})
	if err != nil {
		return fmt.Errorf("copy the packages' tree to the disk: %w", err)
	}
	i.report.Logf("copied %d files, %d MiB", stats.Files, stats.Bytes/storage.MiB)
	if err := boot.Unmount(treeDir); err != nil {
		return err
	}
	return i.enter()
}

// enter makes the mounted system able to run programs.
func (i *installation) enter() (err error) {
	if i.unbind, err = boot.BindSystem(sysImage); err != nil {
		return err
	}
	i.root, err = os.OpenRoot(sysImage)
	return err
}

func (i *installation) configTarget() config.Target {
	return config.Target{
		Root: i.root, Tools: i.inside, Release: i.job.Release, HardwareClock: i.arch.Bus != arch.CCW,
		Log: i.report.Log, Warn: func(s string) { i.report.Warnf("%s", s) },
	}
}

// configure writes fstab and does what the configuration commands ask for.
func (i *installation) configure(ctx context.Context) error {
	if i.job.Kind == wire.Install { // the file systems of others are those of where they are unpacked or mounted
		if err := i.root.WriteFile("etc/fstab", []byte(storage.Fstab(i.contents)), 0o644); err != nil {
			return fmt.Errorf("write /etc/fstab: %w", err)
		}
	}
	if _, err := i.root.Lstat("etc/machine-id"); errors.Is(err, os.ErrNotExist) {
		// Empty: every machine that starts from the image gets one of its own.
		if err := i.root.WriteFile("etc/machine-id", nil, 0o444); err != nil {
			return fmt.Errorf("write /etc/machine-id: %w", err)
		}
	}
	return config.Apply(ctx, i.configTarget(), i.job.Config)
}

func (i *installation) bootTarget() bootloader.Target {
	return bootloader.Target{
		Root: i.root, Tools: i.inside, Arch: i.arch, Disk: i.disk, Contents: i.contents,
		Log: i.report.Log, Warn: func(s string) { i.report.Warnf("%s", s) },
	}
}

func (i *installation) bootLoader(ctx context.Context) error {
	arguments := config.KernelArguments(ctx, i.configTarget(), i.job.Config)
	return bootloader.Install(ctx, i.bootTarget(), i.job.Boot, arguments)
}

// post runs the %post scripts, with the payload as their only repository where the machine has no network.
func (i *installation) post(ctx context.Context) (err error) {
	if err := errors.Join(i.leaveKickstart(), i.shareResolver()); err != nil {
		return err
	}
	if i.job.Offline.Enabled && boot.HasDrive(wire.Payload) {
		device, err := boot.Drive(ctx, wire.Payload)
		if err != nil {
			return err
		}
		if err := boot.MountReadOnly(device, payloadDir); err != nil {
			return fmt.Errorf("the payload: %w", err)
		}
		end, err := offline.Begin(sysImage, payloadDir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end(), boot.Unmount(payloadDir)) }()
		return scripts.Runner{Root: sysImage, Report: i.report}.Run(ctx, "post", i.job.Scripts)
	}
	return scripts.Runner{Root: sysImage, Report: i.report}.Run(ctx, "post", i.job.Scripts)
}

// shareResolver gives the scripts the machine's name server, as Anaconda does, where there is a network and the packages brought none.
func (i *installation) shareResolver() error {
	if i.job.Offline.Enabled || !boot.HasNetwork() {
		return nil
	}
	const file = "etc/resolv.conf"
	if info, err := i.root.Lstat(file); err == nil && (info.Size() > 0 || !info.Mode().IsRegular()) {
		return nil
	}
	data, err := os.ReadFile("/" + file)
	if err != nil {
		return err
	}
	return i.root.WriteFile(file, data, 0o644)
}

// leaveKickstart leaves the kickstart where Anaconda does; before the scripts, as some remove it.
func (i *installation) leaveKickstart() error {
	data, err := os.ReadFile(filepath.Join(stash, filepath.Base(wire.KSPath)))
	if errors.Is(err, os.ErrNotExist) || len(data) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if err := i.root.WriteFile("root/anaconda-ks.cfg", data, 0o600); err != nil {
		return fmt.Errorf("write /root/anaconda-ks.cfg: %w", err)
	}
	return nil
}
