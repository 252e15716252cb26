// Command liveguest is the init of the smallest live system that the tests boot: it reads all of its medium where the kernel's command line says
// so, fills the screen, and answers as QEMU's guest agent does.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/quarry-project/quarry/test/guestagent"
)

func main() {
	defer func() {
		fmt.Println("init:", recover())
		powerOff()
	}()
	for dir, kind := range map[string]string{"/proc": "proc", "/sys": "sysfs", "/dev": "devtmpfs"} {
		_ = os.MkdirAll(dir, 0o755)
		if err := syscall.Mount(kind, dir, kind, 0, ""); err != nil && err != syscall.EBUSY {
			panic(err)
		}
	}
	modprobe := exec.Command("/sbin/modprobe", "-a", "virtio_pci", "virtio_console", "virtio_scsi", "sr_mod")
	modprobe.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if out, err := modprobe.CombinedOutput(); err != nil {
		fmt.Printf("init: modprobe: %v: %s\n", err, out)
	}
	cmdline, _ := os.ReadFile("/proc/cmdline")
	if strings.Contains(string(cmdline), " rd.live.check") {
		n, err := io.Copy(io.Discard, wait("/dev/sr0"))
		fmt.Printf("init: read %d bytes: %v\n", n, err)
	}
	for line := range 20 {
		fmt.Printf("%2d this is a live system, for a test %s\n", line, strings.Repeat("=", line))
	}
	started := time.Now()
	g := guestagent.Guest{
		Commands: map[string]bool{"guest-get-osinfo": true, "guest-get-users": true, "guest-shutdown": true, "guest-exec": false},
		System:   map[string]string{"id": "test", "pretty-name": "A live system for a test", "kernel-release": release()},
		Users: func() []string {
			if time.Since(started) < 5*time.Second {
				return nil
			}
			return []string{"liveuser"}
		},
		PowerOff: powerOff,
	}
	fmt.Println("init: the port ends:", g.Serve(port("org.qemu.guest_agent.0")))
}

// wait opens a device that comes.
func wait(path string) *os.File {
	for range 500 {
		if f, err := os.OpenFile(path, os.O_RDONLY, 0); err == nil {
			return f
		}
		time.Sleep(20 * time.Millisecond)
	}
	panic("no " + path)
}

// port waits for the port of that name.
func port(name string) *os.File {
	for range 500 {
		names, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
		for _, path := range names {
			text, _ := os.ReadFile(path)
			if strings.TrimSpace(string(text)) != name {
				continue
			}
			if f, err := os.OpenFile("/dev/"+filepath.Base(filepath.Dir(path)), os.O_RDWR, 0); err == nil {
				return f
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	panic("no port " + name)
}

func release() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

func powerOff() {
	syscall.Sync()
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}
