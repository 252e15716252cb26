// Hello says for which architecture it was built: a foreign program for the sandbox's tests, of as few packages as can be.
package main

import (
	"runtime"
	"syscall"
)

func main() { _, _ = syscall.Write(1, []byte(runtime.GOARCH)) }
