// Command quarry-agent is the first process of Quarry's build machines. It is started by the kernel (rdinit=/quarry/agent) from the
// initramfs that Quarry appends to the installer tree's, and is of no use anywhere else. Everything it does is in internal/agent.
package main

import (
	"fmt"
	"os"

	"github.com/quarry-project/quarry/internal/agent"
)

func main() {
	switch {
	case os.Getpid() == 1:
		agent.Init()
	case len(os.Args) == 2 && os.Args[1] == agent.WorkArgument:
		agent.Work()
	default:
		fmt.Fprintln(os.Stderr, "quarry-agent is the first process of a build machine and does nothing elsewhere")
		os.Exit(2)
	}
}
