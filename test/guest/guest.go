// Package guest is what the programs share that the tests start as the init of a small machine, with the test distribution's kernel and
// initramfs. What a single test looks at belongs in its own program, and nothing here is part of quarry-agent. As an init has nobody to return an
// error to, everything here panics; Main says so on the console and powers off.
package guest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Main mounts the kernel's file systems, loads modules by the initramfs' own modprobe, runs the program and powers off.
func Main(modules []string, program func()) {
	defer func() {
		fmt.Println("init:", recover())
		PowerOff()
	}()
	mount("proc", "/proc")
	mount("sysfs", "/sys")
	mount("devtmpfs", "/dev")
	cmd := exec.Command("/sbin/modprobe", append([]string{"-a"}, modules...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if out, err := cmd.CombinedOutput(); err != nil { // a module may be part of the kernel
		fmt.Printf("init: modprobe: %v: %s\n", err, out)
	}
	program()
}

// Must panics for an error.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

func mount(kind, dir string) {
	_ = os.MkdirAll(dir, 0o755)
	if err := syscall.Mount(kind, dir, kind, 0, ""); err != nil && err != syscall.EBUSY {
		panic(fmt.Sprint("mounting ", dir, ": ", err))
	}
}

// Port waits for the virtio port of that name and opens it.
func Port(name string) *os.File {
	var port *os.File
	wait("port "+name, func() bool {
		names, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
		for _, path := range names {
			text, _ := os.ReadFile(path)
			if strings.TrimSpace(string(text)) != name {
				continue
			}
			var err error
			if port, err = os.OpenFile("/dev/"+filepath.Base(filepath.Dir(path)), os.O_RDWR, 0); err == nil {
				return true
			}
		}
		return false
	})
	return port
}

// Device waits for a device and opens it for reading.
func Device(path string) *os.File {
	var device *os.File
	wait(path, func() (ok bool) {
		var err error
		device, err = os.Open(path)
		return err == nil
	})
	return device
}

// wait asks for ten seconds.
func wait(what string, there func() bool) {
	for range 500 {
		if there() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	panic("no " + what)
}

// Release is the kernel's.
func Release() string { return text("/proc/sys/kernel/osrelease") }

// CommandLine is the kernel's, in words.
func CommandLine() []string { return strings.Fields(text("/proc/cmdline")) }

func text(path string) string {
	data, err := os.ReadFile(path)
	Must(err)
	return strings.TrimSpace(string(data))
}

// PowerOff does not return.
func PowerOff() {
	syscall.Sync()
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}
