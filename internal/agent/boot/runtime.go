package boot

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Where the parts of the runtime are while it is put together; all below /run, which moves into the runtime.
const (
	stageDir   = "/run/quarry/stage2"
	imageDir   = "/run/quarry/rootfs"
	overlayDir = "/run/quarry/overlay"
	newRoot    = "/run/quarry/runtime"
)

// SwitchRoot makes the installer's second stage on device the root of the machine: read-only, under an overlay in memory. Some
// releases' second stage is a squashfs that holds the root, some a squashfs that holds an ext4 image of it
// (LiveOS/rootfs.img). The caller has to be the first process: the kernel's helpers (modprobe) and every chroot test of the
// installer's programs look at its root.
func SwitchRoot(device string) error {
	if err := MountReadOnly(device, stageDir); err != nil {
		return fmt.Errorf("the installer's second stage: %w", err)
	}
	lower := stageDir
	if image := filepath.Join(stageDir, "LiveOS/rootfs.img"); exists(image) {
		loop, err := attachLoop(image)
		if err != nil {
			return err
		}
		if err := mountFirst(loop, imageDir, "ext4", "xfs"); err != nil {
			return err
		}
		lower = imageDir
	}
	if err := mountOverlay(lower); err != nil {
		return err
	}
	return moveInto(newRoot)
}

func mountOverlay(lower string) error {
	for _, dir := range []string{overlayDir, newRoot} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("tmpfs", overlayDir, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount the overlay's memory: %w", err)
	}
	upper, work := filepath.Join(overlayDir, "upper"), filepath.Join(overlayDir, "work")
	for _, dir := range []string{upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if err := unix.Mount("overlay", newRoot, "overlay", 0, options); err != nil {
		return fmt.Errorf("mount the runtime's overlay: %w", err)
	}
	return nil
}

// moveInto does what switch_root does: the kernel's file systems move along, the old root's files are freed, the new root takes its place.
func moveInto(root string) error {
	old, err := os.Open("/")
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }()
	// The new root is below /run, and moves out of it first.
	if err := os.MkdirAll("/newroot", 0o755); err != nil {
		return err
	}
	if err := unix.Mount(root, "/newroot", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the runtime: %w", err)
	}
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run"} {
		target := filepath.Join("/newroot", dir)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(dir, target, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s into the runtime: %w", dir, err)
		}
	}
	removeOld("/")
	if err := os.Chdir("/newroot"); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the runtime to the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return unix.Mount("tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777")
}

// removeOld frees the memory of the initramfs: some are 200 MB. Other file systems are not entered; what can't be removed stays.
func removeOld(root string) {
	var st unix.Stat_t
	if unix.Lstat(root, &st) != nil {
		return
	}
	var remove func(string)
	remove = func(dir string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return
		}
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			var own unix.Stat_t
			if unix.Lstat(path, &own) != nil || own.Dev != st.Dev {
				continue
			}
			if entry.IsDir() {
				remove(path)
			}
			_ = os.Remove(path)
		}
	}
	remove(root)
}

func attachLoop(image string) (string, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("attach %s: %w", image, err)
	}
	defer func() { _ = control.Close() }()
	number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return "", fmt.Errorf("find a loop device: %w", err)
	}
	file, err := os.Open(image)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	device := fmt.Sprintf("/dev/loop%d", number)
	loop, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = loop.Close() }()
	if err := unix.IoctlSetInt(int(loop.Fd()), unix.LOOP_SET_FD, int(file.Fd())); err != nil {
		return "", fmt.Errorf("attach %s to %s: %w", image, device, err)
	}
	return device, nil
}

func mountFirst(device, target string, fstypes ...string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	var err error
	for _, fstype := range fstypes {
		if err = unix.Mount(device, target, fstype, unix.MS_RDONLY, ""); err == nil {
			return nil
		}
	}
	return fmt.Errorf("mount %s at %s: %w", device, target, err)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
