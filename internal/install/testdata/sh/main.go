// Sh stands in for the shell of the test's packages: it runs the few words that their scripts hold, one command a line. It is
// built for the packages' architecture, static, so that it works in a root that holds nothing else.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

func main() {
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	for _, line := range strings.Split(string(script), "\n") {
		if words := strings.Fields(line); len(words) > 0 {
			if err := run(words); err != nil {
				fail(fmt.Errorf("%s: %w", line, err))
			}
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func run(words []string) error {
	switch words[0] {
	case "print":
		fmt.Println(strings.Join(words[1:], " "))
		return nil
	case "write":
		return os.WriteFile(words[1], []byte(strings.Join(words[2:], " ")+"\n"), 0o644)
	case "escape":
		return os.WriteFile(words[1], []byte(strings.Join(escape(), "\n")+"\n"), 0o644)
	case "background":
		cmd := exec.Command("/proc/self/exe", os.Args[1], "writer")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		// The script's file goes away with the script: the daemon gets one of its own.
		if err := os.WriteFile("/etc/daemon", []byte("forever /var/log/forever\n"), 0o644); err != nil {
			return err
		}
		cmd.Args = []string{"sh", "/etc/daemon"}
		return cmd.Start()
	case "forever":
		for {
			f, err := os.OpenFile(words[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
			if err == nil {
				f.WriteString("x")
				f.Close()
			}
			time.Sleep(time.Millisecond)
		}
	case "fail":
		return fmt.Errorf("as told")
	}
	return fmt.Errorf("unknown command")
}

// escape leaves the chroot, which root can, and tries what would do harm there. It returns what it managed.
func escape() []string {
	var done []string
	// In a process of its own the change of root would end with it; here it stays, so the report is written through a descriptor.
	home, err := os.Open("/")
	if err != nil {
		return []string{err.Error()}
	}
	defer func() {
		_ = home.Chdir()
		_ = syscall.Chroot(".")
	}()
	_ = os.Mkdir("/tmp/jail", 0o755)
	if err := syscall.Chroot("/tmp/jail"); err != nil {
		return []string{"chroot: " + err.Error()}
	}
	for range 20 {
		_ = syscall.Chdir("..")
	}
	if err := syscall.Chroot("."); err != nil {
		return []string{"chroot out: " + err.Error()}
	}
	if _, err := os.Stat("/quarry/payload"); err == nil {
		done = append(done, "left the chroot")
	}
	for _, dir := range []string{"/quarry/payload", "/quarry/payload/main/Packages", "/usr", "/etc", "/"} {
		_ = syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND, "")
		if err := os.WriteFile(dir+"/escaped", nil, 0o644); err == nil {
			done = append(done, "wrote to "+dir)
		}
	}
	for _, dir := range []string{"/home", "/run/dbus", "/var/lib", "/boot"} {
		if _, err := os.Stat(dir); err == nil {
			done = append(done, "saw "+dir)
		}
	}
	return done
}
