package agent_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/vm"
)

// The file system of a live image: the whole drive, whatever the kickstart says of storage; nobody's fstab, a journal that nothing has gone
// through, and what is free takes no room.
func TestMachineMakesALiveFileSystem(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, 3<<30)); err != nil {
		t.Fatal(err)
	}
	j := job(wire.Storage{Clear: "all", ReqPart: true, Partitions: []wire.Partition{{Mount: "/", Size: 100, Line: 1}}}, script("post", `set -eux
test ! -e /etc/fstab || ! grep UUID /etc/fstab
test -d /lost+found
head -c 300M /dev/urandom >/var/rubbish
sync
rm /var/rubbish
echo "vartmp /var/tmp tmpfs defaults 0 0" >>/etc/fstab
mkdir -p /etc/ssh; touch /etc/ssh/ssh_host_rsa_key`))
	j.Kind, j.Boot.Disabled = wire.Live, false
	result, lines, err := runOn(t, disk, j)
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	if result.BIOS || result.UEFI {
		t.Errorf("a boot loader was installed: %+v", result)
	}
	read := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
		return string(out)
	}
	head := read("/usr/sbin/dumpe2fs", "-h", disk)
	for _, want := range []string{
		"Filesystem volume name:   Anaconda\n", "has_journal", "Filesystem state:         clean\n", "Reserved block count:     0\n",
		"Block size:               4096\n", "Block count:              786432\n", "Journal start:            0\n",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("nothing says %q in\n%s", want, head)
		}
	}
	if fstab := read("/usr/sbin/debugfs", "-R", "cat /etc/fstab", disk); !strings.Contains(fstab, "vartmp /var/tmp") || strings.Contains(fstab, "UUID") {
		t.Errorf("fstab: %s", fstab)
	}
	if keys := read("/usr/sbin/debugfs", "-R", "ls -p /etc/ssh", disk); strings.Contains(keys, "ssh_host") {
		t.Errorf("host keys are left: %s", keys)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(disk, &st); err != nil {
		t.Fatal(err)
	}
	stage2, err := os.Stat(filepath.Join(images(t), "install.img"))
	if err != nil {
		t.Fatal(err)
	}
	// The second stage is compressed to a third or so.
	if used := st.Blocks * 512; used > 5*stage2.Size() {
		t.Errorf("the disk takes %d bytes, so what was removed is still there", used)
	}
}

// Where the host has no sandbox, the machine collects a medium's files; what is missing is told before anything is made.
func TestMachineTellsOfAMissingBootFile(t *testing.T) {
	output := filepath.Join(t.TempDir(), "output")
	if err := errors.Join(os.WriteFile(output, nil, 0o600), os.Truncate(output, 1<<30)); err != nil {
		t.Fatal(err)
	}
	j := wire.Job{
		Format: wire.Format, Kind: wire.BootSet, Release: "9", Arch: "x86_64", Tree: wire.TreeSource{Unpacked: 400 << 20},
		BootSet: &wire.BootSpec{Files: []wire.BootFile{{Name: "isolinux.bin", Globs: []string{"usr/share/syslinux/isolinux.bin"}, Package: "syslinux-nonlinux"}}},
	}
	_, lines, err := run(t, j, vm.Drive{Path: output, Format: "raw", Serial: wire.Output, Unsafe: true})
	f := failure(t, err)
	if f.Phase != "bootset" || !strings.Contains(f.Message, "installed packages") {
		t.Errorf("%+v\n%s", f, strings.Join(lines, "\n"))
	}
}
