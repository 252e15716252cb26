package boot

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// PowerOff ends the machine. It comes back only where the kernel can't, and then sleeps forever, as the first process must not end.
func PowerOff() {
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_HALT)
	select {}
}

// Reap waits for every process that ends, as the first process has to, until the one with this id does; it returns that
// one's wait status.
func Reap(pid int) (unix.WaitStatus, error) {
	for {
		var status unix.WaitStatus
		got, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, os.NewSyscallError("wait4", err)
		case got == pid && (status.Exited() || status.Signaled()):
			return status, nil
		}
	}
}

// KillOthers ends every process but the first and the caller: what scripts have left behind holds file systems busy.
func KillOthers() error {
	if err := unix.Kill(-1, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return os.NewSyscallError("kill", err)
	}
	return nil
}
