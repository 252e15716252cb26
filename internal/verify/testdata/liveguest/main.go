// Command liveguest is the init of the smallest live system that the tests boot: it reads all of its medium where the kernel's command line says
// so, fills the screen, and answers as QEMU's guest agent does.
package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quarry-project/quarry/test/guest"
	"github.com/quarry-project/quarry/test/guestagent"
)

func main() {
	guest.Main([]string{"virtio_pci", "virtio_console", "virtio_scsi", "sr_mod"}, live)
}

func live() {
	if slices.Contains(guest.CommandLine(), "rd.live.check") {
		n, err := io.Copy(io.Discard, guest.Device("/dev/sr0"))
		fmt.Printf("init: read %d bytes: %v\n", n, err)
	}
	for line := range 20 {
		fmt.Printf("%2d this is a live system, for a test %s\n", line, strings.Repeat("=", line))
	}
	started := time.Now()
	g := guestagent.Guest{
		Commands: map[string]bool{"guest-get-osinfo": true, "guest-get-users": true, "guest-shutdown": true, "guest-exec": false},
		System:   map[string]string{"id": "test", "pretty-name": "A live system for a test", "kernel-release": guest.Release()},
		Users: func() []string {
			if time.Since(started) < 5*time.Second {
				return nil
			}
			return []string{"liveuser"}
		},
		PowerOff: guest.PowerOff,
	}
	fmt.Println("init: the port ends:", g.Serve(guest.Port("org.qemu.guest_agent.0")))
}
