package boot

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// blkDriver is the folder of the driver of virtio's disks: writing a device's name to unbind or bind in there lets it go or takes it.
const blkDriver = "/sys/bus/virtio/drivers/virtio_blk"

// MakeFirst sees that the drive with this serial is /dev/vda, where kickstarts look for the disk. Disks get their names in the order in which
// their driver takes them, which on PCI is the order of the machine's description but on s390x's channels is chance. Nothing may
// use a drive yet.
func MakeFirst(ctx context.Context, serial string) error {
	const tries = 5 // a drive that appears just then can take the name
	for range tries {
		device, err := Drive(ctx, serial)
		if err != nil || device == "/dev/vda" {
			return err
		}
		if err := takeFirst(filepath.Base(device)); err != nil {
			return fmt.Errorf("make the drive %q the first: %w", serial, err)
		}
	}
	return fmt.Errorf("the drive %q does not become /dev/vda", serial)
}

// takeFirst has the driver let go of every disk and take the one that is called name now before the others.
func takeFirst(name string) error {
	link, err := os.Readlink(filepath.Join("/sys/class/block", name, "device"))
	if err != nil {
		return err
	}
	first := filepath.Base(link)
	bound, err := filepath.Glob(filepath.Join(blkDriver, "virtio[0-9]*"))
	if err != nil {
		return err
	}
	var others []string
	for _, path := range bound {
		if id := filepath.Base(path); id != first {
			others = append(others, id)
		}
		if err := tellDriver("unbind", filepath.Base(path)); err != nil {
			return err
		}
	}
	for _, id := range append([]string{first}, others...) {
		if err := tellDriver("bind", id); err != nil {
			return err
		}
	}
	return nil
}

func tellDriver(what, device string) error {
	return os.WriteFile(filepath.Join(blkDriver, what), []byte(device), 0o200)
}
