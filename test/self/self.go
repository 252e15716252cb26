// Package self runs a test's own program once more: several times beside the test, as other processes that use the same folder, or in a namespace
// of its own, where an ordinary user may mount. How quarry itself is run, and what it then has to show, is the business of the tests.
package self

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/quarry-project/quarry/test/shared"
)

// Beside starts the test's program n times with one more environment variable, NAME=VALUE, which its TestMain looks for, and calls meanwhile again and
// again until they have ended. What fails there fails the test.
func Beside(t *testing.T, n int, variable string, meanwhile func()) {
	t.Helper()
	done := make(chan error, n)
	for range n {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), variable)
		go func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = errors.Join(err, errors.New(string(out)))
			}
			done <- err
		}()
	}
	for running := n; running > 0; {
		select {
		case err := <-done:
			running--
			if err != nil {
				t.Error(err)
			}
		default:
			meanwhile()
		}
	}
}

// namespace tells a test that it runs in its namespace.
const namespace = "QUARRY_TEST_NAMESPACE"

// InNamespace runs the test that calls it once more in a user and mount namespace, and reports whether this is that run: the other one has nothing left
// to do. There it has to reach and pass the subtest of that name, so that a run that does nothing is none that passes.
func InNamespace(t *testing.T, subtest string) bool {
	t.Helper()
	if os.Getenv(namespace) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), namespace+"="+t.Name())
	cmd.SysProcAttr = Namespace()
	out, err := cmd.CombinedOutput()
	if len(out) == 0 && err != nil {
		shared.Missing(t, "this host has no user namespaces, which the test needs for file systems of its own: %v", err)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name()+"/"+subtest)) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// Namespace makes a process the root of a user and mount namespace.
func Namespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
}
