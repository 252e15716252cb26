// Command hello is the init of the smallest machine that the tests boot: it loads modules, opens the event
// port, does what the word after "hello=" on the kernel's command line says, and powers off.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	defer func() {
		fmt.Println("init:", recover())
		powerOff()
	}()
	mount("proc", "/proc")
	mount("sysfs", "/sys")
	mount("devtmpfs", "/dev")
	modules()
	port := open("org.quarry.events")
	say := func(event map[string]any) { must(json.NewEncoder(port).Encode(event)) }
	say(map[string]any{"kind": "hello", "message": release()})
	switch act := word("hello="); act {
	case "":
		say(map[string]any{"kind": "phase", "phase": "drives"})
		for _, drive := range drives() {
			say(map[string]any{"kind": "log", "phase": "drives", "message": drive})
		}
		say(map[string]any{"kind": "end", "phase": "drives", "seconds": 0.5})
	case "hang":
		fmt.Println("init: hanging, as told")
		for {
			say(map[string]any{"kind": "alive"})
			time.Sleep(500 * time.Millisecond)
		}
	case "quit":
		fmt.Println("init: off without a word, as told")
		powerOff()
	case "panic":
		os.Exit(1) // the kernel can't go on without its init
	case "fail":
		say(map[string]any{"kind": "failed", "failure": map[string]any{"phase": "storage", "message": "no such disk", "file": "test.ks", "line": 7}})
		powerOff()
	case "fill": // the first drive, with more than the host may have
		disk, err := os.OpenFile("/dev/vda", os.O_WRONLY|syscall.O_SYNC, 0)
		must(err)
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = 1
		}
		for {
			if _, err := disk.Write(block); err != nil {
				break
			}
		}
	}
	say(map[string]any{"kind": "done", "result": map[string]any{"written": 1}})
	powerOff()
}

func must(err error) {
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

// modules loads what the ports and disks need, by the initramfs' own modprobe.
func modules() {
	cmd := exec.Command("/sbin/modprobe", "-a", "virtio_pci", "virtio_blk", "virtio_console")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Printf("init: modprobe: %v: %s\n", err, out)
	}
}

// open waits for the port of that name.
func open(name string) *os.File {
	for range 200 {
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

// drives lists the disks as "vda target 1048576".
func drives() []string {
	var out []string
	paths, _ := filepath.Glob("/sys/class/block/*/serial")
	for _, path := range paths {
		serial, _ := os.ReadFile(path)
		size, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "size"))
		out = append(out, fmt.Sprintf("%s %s %s", filepath.Base(filepath.Dir(path)), serial, strings.TrimSpace(string(size))))
	}
	return out
}

func release() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

// word returns what follows prefix on the kernel's command line.
func word(prefix string) string {
	text, _ := os.ReadFile("/proc/cmdline")
	for _, field := range strings.Fields(string(text)) {
		if rest, ok := strings.CutPrefix(field, prefix); ok {
			return rest
		}
	}
	return ""
}

func powerOff() {
	syscall.Sync()
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}
