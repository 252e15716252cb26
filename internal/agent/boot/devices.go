package boot

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// How long a device may take to appear after its driver was loaded, and how often is looked. Emulated machines are slow.
const (
	deviceWait = 20 * time.Second
	devicePoll = 20 * time.Millisecond
)

// Modules that each need of the machine asks for, beside what the kernel has built in. Soft dependencies are not in
// modules.dep, so they are named.
func modules() []string {
	return []string{
		// Found by their devices, but nothing looks for devices yet.
		"virtio_pci", "virtio_mmio", "virtio_blk", "virtio_console", "virtio_rng", "virtio_net",
		"loop", "squashfs", "overlay", "erofs", "isofs",
		"crc32c_generic", "xfs", "ext4", "nls_cp437", "nls_ascii", "nls_iso8859_1", "vfat",
		"dm_mod", "dm_snapshot",
	}
}

// ModuleCommand is the call that loads the modules: one process for all, as processes are what is slow under emulation. Empty where
// the initramfs has no modprobe, because the kernel has all built in. Modprobe goes on after a module that it does not
// have and then ends with an error, so its result says little: what counts is whether the devices appear.
func ModuleCommand() []string {
	for _, path := range []string{"/usr/sbin/modprobe", "/sbin/modprobe", "/bin/modprobe"} {
		if _, err := os.Stat(path); err == nil {
			return append([]string{path, "-a", "-q"}, modules()...)
		}
	}
	return nil
}

// EventPort opens the virtio-serial port that the host listens on.
func EventPort(ctx context.Context) (*os.File, error) {
	var found string
	err := wait(ctx, func() bool {
		found = match("/sys/class/virtio-ports/*/name", wire.PortName)
		return found != ""
	})
	if err != nil {
		return nil, fmt.Errorf("the machine has no virtio-serial port %q: %w", wire.PortName, err)
	}
	return os.OpenFile(filepath.Join("/dev", found), os.O_RDWR, 0)
}

// Drive returns the device of the drive with this serial, such as "/dev/vda".
func Drive(ctx context.Context, serial string) (string, error) {
	var found string
	err := wait(ctx, func() bool {
		found = match("/sys/class/block/*/serial", serial)
		return found != ""
	})
	if err != nil {
		return "", fmt.Errorf("the machine has no drive with the serial %q: %w", serial, err)
	}
	return filepath.Join("/dev", found), nil
}

// HasDrive reports whether a drive with this serial is there now.
func HasDrive(serial string) bool { return match("/sys/class/block/*/serial", serial) != "" }

// match returns the name of the folder whose file matches pattern and holds value.
func match(pattern, value string) string {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return ""
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err == nil && strings.TrimSpace(string(b)) == value {
			return filepath.Base(filepath.Dir(file))
		}
	}
	return ""
}

func wait(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, deviceWait, fmt.Errorf("it did not appear within %v", deviceWait))
	defer cancel()
	for !ready() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(devicePoll):
		}
	}
	return nil
}
