package boot

import (
	"context"
	"fmt"
	"os"

	"github.com/quarry-project/quarry/internal/agent/program"
)

// QEMU's user-mode network is the same in every machine, so nobody has to ask for a lease: its documentation gives these addresses.
const (
	guestAddress = "10.0.2.15/24"
	gateway      = "10.0.2.2"
	nameserver   = "10.0.2.3"
)

// HasNetwork reports whether the host gave the machine a network card.
func HasNetwork() bool { return exists("/sys/class/net/eth0") }

// StartNetwork sets the machine's card up, for installations that may use the network.
func StartNetwork(ctx context.Context, run program.Runner) error {
	for _, args := range [][]string{
		{"ip", "address", "add", guestAddress, "dev", "eth0"},
		{"ip", "link", "set", "dev", "eth0", "up"},
		{"ip", "route", "add", "default", "via", gateway},
	} {
		if err := run.Run(ctx, args...); err != nil {
			return fmt.Errorf("set up the machine's network: %w", err)
		}
	}
	return os.WriteFile("/etc/resolv.conf", []byte("nameserver "+nameserver+"\n"), 0o644)
}
