package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/arch"
)

// While the view is made, the root is a scratch file system with these two in it.
const (
	host = "/host" // the host's whole tree
	view = "/view" // what becomes the root
)

// hostFiles are what the host's programs read in /etc. Nothing there is secret, even for root; what a host lacks is left out.
func hostFiles() []string {
	return []string{
		"alternatives", "crypto-policies", "group", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "magic",
		"mke2fs.conf", "nsswitch.conf", "os-release", "passwd", "protocols", "resolv.conf", "rpm", "services",
	}
}

// makeView makes what the function sees and goes there. It must run as root of the new namespaces.
// It returns how the programs of each interpreter's architecture run.
func makeView(req request) (ways map[string]Ability, err error) {
	if err := scratch(); err != nil {
		return nil, err
	}
	steps := []func() error{
		programs, devices, system,
		func() error { return mountBinds(req.Binds) },
		func() (err error) { ways, err = registerAll(req.Interpreters); return err },
		// After the rules are written: they live below /proc/sys.
		protectProc, enterView,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("making the sandbox's view: %w", err)
		}
	}
	return ways, nil
}

// scratch moves to an empty root with the host's tree below it, so that every source stays reachable whatever is mounted.
func scratch() error {
	const base = "/tmp" // any folder that every host has; it is only covered in this namespace
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("detaching from the host's mounts: %w", err)
	}
	if err := tmpfs(base, "0755"); err != nil {
		return err
	}
	for _, dir := range []string{host, view} {
		if err := os.Mkdir(base+dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.PivotRoot(base, base+host); err != nil {
		return fmt.Errorf("moving the host's tree aside: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return tmpfs(view, "0755")
}

// programs shows the host's programs and what they read.
func programs() error {
	if err := bind("/usr", "/usr", true); err != nil {
		return err
	}
	for _, name := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		info, err := os.Lstat(host + name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(host + name)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, view+name); err != nil {
				return err
			}
		default:
			if err := bind(name, name, true); err != nil {
				return err
			}
		}
	}
	for _, name := range hostFiles() {
		if err := hostFile("/etc/" + name); err != nil {
			return err
		}
	}
	return nil
}

// hostFile shows a file or folder of /etc, or makes the same link; a missing one is left out.
func hostFile(name string) error {
	info, err := os.Lstat(host + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return bind(name, name, true)
	}
	target, err := os.Readlink(host + name)
	if err != nil {
		return err
	}
	return os.Symlink(target, view+name)
}

// devices makes a /dev with what programs expect and no device of the host's.
func devices() error {
	if err := os.Mkdir(view+"/dev", 0o755); err != nil {
		return err
	}
	if err := tmpfs(view+"/dev", "0755"); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if err := bind("/dev/"+name, "/dev/"+name, false); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, view+"/dev/"+name); err != nil {
			return err
		}
	}
	return os.Mkdir(view+"/dev/shm", 0o1777)
}

// system mounts the kernel's file systems and the places where programs may write.
func system() error {
	if err := os.Mkdir(view+"/proc", 0o555); err != nil {
		return err
	}
	if err := unix.Mount("proc", view+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if err := bind("/sys", "/sys", true); err != nil {
		return err
	}
	for _, dir := range []string{"/root", "/var"} {
		if err := os.Mkdir(view+dir, 0o755); err != nil {
			return err
		}
	}
	for dir, mode := range map[string]string{"/tmp": "1777", "/var/tmp": "1777", "/run": "0755"} {
		if err := os.Mkdir(view+dir, 0o755); err != nil {
			return err
		}
		if err := tmpfs(view+dir, mode); err != nil {
			return err
		}
	}
	return nil
}

func mountBinds(binds []Bind) error {
	for _, b := range binds {
		if err := bind(b.Source, b.Target, b.ReadOnly); err != nil {
			return err
		}
	}
	return nil
}

// registerAll makes foreign programs run, and returns how by architecture. Whether the kernel has rules by user namespace (Linux 6.7) is
// tried: before, it has one set for all, which is the host's. A namespace that has rules of its own doesn't see the host's any more, so it
// gets some only where they are all that is needed.
func registerAll(list []interpreter) (map[string]Ability, error) {
	if len(list) == 0 {
		return nil, nil
	}
	const dir = "/proc/sys/fs/binfmt_misc"
	refused := ""
	if slices.ContainsFunc(list, func(i interpreter) bool { return i.Program == "" }) {
		if len(list) > 1 {
			refused = "an emulator that it would need as well is missing"
		}
	} else if err := unix.Mount("binfmt_misc", view+dir, "binfmt_misc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		refused = "mounting binfmt_misc: " + err.Error()
	}
	ways := map[string]Ability{}
	for _, i := range list {
		a, err := arch.Lookup(i.Arch)
		if err != nil {
			return nil, err
		}
		way := decide(a, facts{Emulator: i.Program, Refused: refused, Rule: hostRule(host+dir, a)})
		if way.Way == NoWay {
			return nil, &UnsupportedError{Reason: way.Reason, Fix: way.Fix, Package: way.Package}
		}
		ways[i.Arch] = way
		if way.Way != OwnRule {
			continue
		}
		line, err := rule(i, host+i.Program)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(view+dir+"/register", []byte(line), 0); err != nil {
			return nil, fmt.Errorf("registering %s for %s: %w", i.Program, i.Arch, err)
		}
	}
	return ways, nil
}

// protectProc makes read-only what of /proc reaches the whole machine when root runs this.
func protectProc() error {
	for _, name := range []string{"sys", "sysrq-trigger", "irq", "bus", "fs"} {
		path := view + "/proc/" + name
		err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err == nil {
			err = readOnly(path, true)
		}
		if err != nil {
			return fmt.Errorf("protecting %s: %w", path, err)
		}
	}
	return nil
}

// enterView makes the view the root and lets go of all that is not in it.
func enterView() error {
	if err := os.Chdir(view); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("entering it: %w", err)
	}
	// The old root now lies on top of the new one.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("letting go of the host's tree: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return readOnly("/", false)
}

func tmpfs(dir, mode string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode="+mode); err != nil {
		return fmt.Errorf("mounting a tmpfs on %s: %w", dir, err)
	}
	return nil
}

// bind shows the host's source at target, with everything that is mounted below it.
func bind(source, target string, ro bool) error {
	info, err := os.Stat(host + source)
	if err != nil {
		return fmt.Errorf("showing %s: %w", source, err)
	}
	at := view + target
	if info.IsDir() {
		err = os.MkdirAll(at, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
		err = os.WriteFile(at, nil, 0o644)
	}
	if err != nil {
		return fmt.Errorf("showing %s at %s: %w", source, target, err)
	}
	if err := unix.Mount(host+source, at, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("showing %s at %s: %w", source, target, err)
	}
	if !ro {
		return nil
	}
	return readOnly(at, true)
}

func readOnly(at string, recursive bool) error {
	flags := uint(0)
	if recursive {
		flags = unix.AT_RECURSIVE
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, at, flags, &attr); err != nil {
		return fmt.Errorf("making %s read-only (needs Linux 5.12): %w", at, err)
	}
	return nil
}
