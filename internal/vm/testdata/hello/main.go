// Command hello is the init of the smallest machine that the tests boot: it loads modules, opens the event
// port, does what the word after "hello=" on the kernel's command line says, and powers off.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/quarry-project/quarry/test/guest"
)

func main() {
	guest.Main([]string{"virtio_pci", "virtio_blk", "virtio_console"}, hello)
}

func hello() {
	port := guest.Port("org.quarry.events")
	say := func(event map[string]any) { guest.Must(json.NewEncoder(port).Encode(event)) }
	say(map[string]any{"kind": "hello", "message": guest.Release()})
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
		return
	case "panic":
		os.Exit(1) // the kernel can't go on without its init
	case "fail":
		say(map[string]any{"kind": "failed", "failure": map[string]any{"phase": "storage", "message": "no such disk", "file": "test.ks", "line": 7}})
		return
	case "fill": // the first drive, with more than the host may have
		disk, err := os.OpenFile("/dev/vda", os.O_WRONLY|syscall.O_SYNC, 0)
		guest.Must(err)
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

// word returns what follows prefix on the kernel's command line.
func word(prefix string) string {
	for _, field := range guest.CommandLine() {
		if rest, ok := strings.CutPrefix(field, prefix); ok {
			return rest
		}
	}
	return ""
}
