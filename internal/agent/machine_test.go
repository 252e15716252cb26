package agent_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/vm"
	"github.com/quarry-project/quarry/test/shared"
)

// Whole machines: the agent as the first process of the test distribution's installer tree. What a complete kickstart leads to is
// test/e2e's affair; here is what needs no package tree, so the installer's own second stage serves as one.

// images returns the folder of the installer tree's images, below the root that QUARRY_PEBBLE names.
func images(t *testing.T) string {
	t.Helper()
	root := os.Getenv("QUARRY_PEBBLE")
	if root == "" {
		shared.Missing(t, "no test distribution: set QUARRY_PEBBLE to the tree that `make pebble` makes")
	}
	return filepath.Join(root, "9", "BaseOS", "x86_64", "os", "images")
}

// run starts a machine with the job and follows it to its end. The lines are what was logged and warned of.
func run(t *testing.T, job any, more ...vm.Drive) (result wire.Result, lines []string, err error) {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, 4<<30)); err != nil {
		t.Fatal(err)
	}
	return runOn(t, disk, job, more...)
}

// runOn is run with a target that is there already.
func runOn(t *testing.T, disk string, job any, more ...vm.Drive) (result wire.Result, lines []string, err error) {
	t.Helper()
	tree, dir := images(t), t.TempDir()
	agent := filepath.Join(dir, "agent")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", agent, "../../cmd/quarry-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the agent: %v\n%s", err, out)
	}
	data, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	initrd := filepath.Join(dir, "initrd")
	err = vm.Initrd(initrd, filepath.Join(tree, "pxeboot", "initrd.img"), map[string]vm.File{
		wire.Agent: {Path: agent, Mode: 0o755}, wire.JobPath: {Data: data, Mode: 0o600}, wire.KSPath: {Data: []byte("# the kickstart\n"), Mode: 0o600},
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := arch.Lookup("x86_64")
	if err != nil {
		t.Fatal(err)
	}
	stage2 := filepath.Join(tree, "install.img")
	machine, err := vm.Start(t.Context(), vm.Machine{
		Arch: a, Release: "9", CPUs: 2, MemoryMiB: 1536, Accel: vm.TCG, Kernel: filepath.Join(tree, "pxeboot", "vmlinuz"), Initrd: initrd,
		Append: "console=ttyS0 rdinit=" + wire.Agent + " panic=-1 quiet net.ifnames=0", Events: true, Dir: dir,
		Drives: append([]vm.Drive{
			{Path: disk, Format: "raw", Serial: wire.Target, Unsafe: true},
			{Path: stage2, Format: "raw", Serial: wire.Runtime, ReadOnly: true},
			{Path: stage2, Format: "raw", Serial: wire.Tree, ReadOnly: true},
		}, more...),
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	result, _, err = vm.Follow(t.Context(), machine, vm.Deadlines{Limit: vm.Limit{Silence: 5 * time.Minute, Total: 15 * time.Minute}}, func(e progress.Event) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, e.Message)
	})
	return result, lines, err
}

func job(storage wire.Storage, scripts ...wire.Script) wire.Job {
	return wire.Job{
		Format: wire.Format, Kind: wire.Install, Distro: "pebble", Release: "9", Arch: "x86_64", Scripts: scripts, Storage: storage,
		Boot: wire.Bootloader{Disabled: true}, Offline: wire.Offline{Enabled: true}, Tree: wire.TreeSource{Unpacked: 400 << 20},
	}
}

func script(section, body string) wire.Script {
	return wire.Script{Section: section, Interpreter: "/bin/bash", Body: body, ErrorOnFail: true, File: "test.ks", Line: 12}
}

// failure returns what the agent reported.
func failure(t *testing.T, err error) wire.Failure {
	t.Helper()
	var guest *vm.GuestError
	if !errors.As(err, &guest) {
		t.Fatalf("%v is no failure that the agent reported", err)
	}
	return guest.Failure
}

func TestMachineSaysHello(t *testing.T) {
	if _, _, err := run(t, wire.Job{Format: wire.Format, Kind: wire.Hello}); err != nil {
		t.Error(err)
	}
}

func TestMachineRefusesAnotherFormat(t *testing.T) {
	_, _, err := run(t, wire.Job{Format: wire.Format + 1, Kind: wire.Install})
	if f := failure(t, err); !strings.Contains(f.Message, "from the same source") {
		t.Errorf("%+v", f)
	}
}

// The checks are the scripts': they see what a kickstart's would.
func TestMachineInstalls(t *testing.T) {
	storage := wire.Storage{
		Clear: "all", ReqPart: true,
		Partitions: []wire.Partition{
			{Mount: "/boot", FSType: "ext4", Size: 300, Label: "boot", Line: 1}, {Mount: "pv.1", Grow: true, Line: 2},
		},
		VolGroups: []wire.VolGroup{{Name: "peb-ble", PVs: []string{"pv.1"}, Line: 3}},
		LogVols: []wire.LogVol{
			{Mount: "/", VolGroup: "peb-ble", Name: "root", Size: 1000, Grow: true, MkfsOptions: "-m bigtime=0,inobtcount=0", Line: 4},
			{Mount: "swap", VolGroup: "peb-ble", Name: "swap", Size: 100, Line: 5},
		},
	}
	outside := script("post", `set -eux
test -d /mnt/sysroot/boot/efi -a "$INSTALL_ROOT" = "$ANA_INSTALL_PATH"
mountpoint /mnt/sysimage/boot/efi
test "$(stat -f -c %T /mnt/sysimage)" = xfs -a "$(stat -f -c %T /mnt/sysimage/boot)" = ext2/ext3
echo outside checked`)
	outside.NoChroot = true
	result, lines, err := run(t, job(storage,
		script("pre", "set -eu; test -b /dev/vda; mkdir -p /tmp/from-pre; echo first"),
		script("pre-install", "set -eu; test -d /tmp/from-pre; test -d /mnt/sysimage/boot/efi"),
		script("post", `set -eux
test -z "$(ls -A /tmp/from-pre 2>/dev/null)"
grep '^/dev/mapper/peb--ble-root */ *xfs' /etc/fstab
grep '^UUID=.* /boot *ext4' /etc/fstab
grep '^/dev/mapper/peb--ble-swap *none *swap' /etc/fstab
test "$(cat /root/anaconda-ks.cfg)" = "# the kickstart"
test -e /proc/self -a -c /dev/null -a -d /sys/class
test "$(stat -c %a /usr/bin/mount)" = 4755
touch /etc/ssh_marker; mkdir -p /etc/ssh; touch /etc/ssh/ssh_host_rsa_key
nohup sleep 1000 >/dev/null 2>&1 &
echo inside checked`),
		outside,
	))
	all := strings.Join(lines, "\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	for _, want := range []string{"first", "inside checked", "outside checked", "removed /etc/ssh/ssh_host_rsa_key"} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing says %q in\n%s", want, all)
		}
	}
	if result.BIOS || result.UEFI {
		t.Errorf("no boot loader was to be installed: %+v", result)
	}
}

// A kickstart for machines whose disk is sda finds it, with what %pre makes on it.
func TestMachineWhoseDiskIsCalledSda(t *testing.T) {
	storage := wire.Storage{Device: "sda", Partitions: []wire.Partition{
		{Mount: "/boot", FSType: "xfs", OnPart: "sda1", Line: 1}, {Mount: "/", FSType: "ext4", OnPart: "/dev/sda2", Line: 2},
	}}
	_, lines, err := run(t, job(storage,
		script("pre", `set -eux
parted -s -a optimal /dev/sda -- mklabel gpt
parted -s -a optimal /dev/sda -- mkpart boot xfs 1MiB 513MiB
parted -s -a optimal /dev/sda -- mkpart root ext4 513MiB 100%`),
		script("post", `set -eux
test "$(readlink -f /dev/sda2)" = /dev/vda2
test "$(stat -f -c %T /)" = ext2/ext3 -a "$(stat -f -c %T /boot)" = xfs
echo found by its other name`),
	))
	if all := strings.Join(lines, "\n"); err != nil || !strings.Contains(all, "found by its other name") {
		t.Errorf("%v\n%s", err, all)
	}
}

// The Raspberry Pi's layout: an old label, FAT that its firmware finds by the partition's type, and a PARTUUID for its command line.
func TestMachineMakesAPisDisk(t *testing.T) {
	outside := script("post", `set -eux
test "$(blkid -p -o value -s PART_ENTRY_TYPE /dev/vda1)" = 0xc -a "$(blkid -p -o value -s TYPE /dev/vda1)" = vfat
test "$(blkid -p -o value -s PART_ENTRY_TYPE /dev/vda2)" = 0x82 -a "$(blkid -p -o value -s TYPE /dev/vda2)" = swap
test "$(blkid -p -o value -s PART_ENTRY_SCHEME /dev/vda3)" = dos -a "$(blkid -o value -s LABEL /dev/vda3)" = PIROOT
uuid=$(awk '$2 == "/" {sub("UUID=", "", $1); print $1}' $INSTALL_ROOT/etc/fstab)
test "$(blkid --uuid "$uuid")" = /dev/vda3 -a -n "$(blkid -o value -s PARTUUID /dev/vda3)"
echo a pi would start from it`)
	outside.NoChroot = true
	_, lines, err := run(t, job(wire.Storage{Clear: "all", InitLabel: true, DiskLabel: "msdos", Partitions: []wire.Partition{
		{Mount: "/boot", FSType: "vfat", Size: 300, Label: "boot", AsPrimary: true, Line: 1},
		{Mount: "swap", FSType: "swap", Size: 200, Label: "swap", AsPrimary: true, Line: 2},
		{Mount: "/", FSType: "ext4", Size: 2800, Label: "PIROOT", AsPrimary: true, Line: 3},
	}}, outside))
	if all := strings.Join(lines, "\n"); err != nil || !strings.Contains(all, "a pi would start from it") {
		t.Errorf("%v\n%s", err, all)
	}
}

// Two machines do what one does: the second finds the volumes, the mounts and fstab as the first has left them, and nothing of the first's memory.
func TestMachineGoesOnFromABase(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, 4<<30)); err != nil {
		t.Fatal(err)
	}
	first := job(wire.Storage{
		Clear: "all", ReqPart: true,
		Partitions: []wire.Partition{{Mount: "/boot", FSType: "ext4", Size: 300, Line: 1}, {Mount: "pv.1", Grow: true, Line: 2}},
		VolGroups:  []wire.VolGroup{{Name: "pebble", PVs: []string{"pv.1"}, Line: 3}},
		LogVols:    []wire.LogVol{{Mount: "/", VolGroup: "pebble", Name: "root", Size: 1000, Grow: true, Line: 4}},
	}, script("pre", "touch /tmp/from-pre"))
	first.Stage = wire.Base
	base, lines, err := runOn(t, disk, first)
	if err != nil || len(base.Layout) == 0 || len(base.Packages) != 0 {
		t.Fatalf("%+v, %v\n%s", base, err, strings.Join(lines, "\n"))
	}
	outside := script("post", "set -eu; mountpoint /mnt/sysimage/boot; test ! -e /tmp/from-pre; test -e /mnt/sysroot/etc/fstab")
	outside.NoChroot = true
	second := job(wire.Storage{}, outside, script("post", "set -eu; grep '^/dev/mapper/pebble-root */ ' /etc/fstab; mountpoint /boot; test -s /root/anaconda-ks.cfg; echo went on"))
	second.Stage, second.Layout = wire.Scripts, base.Layout
	_, lines, err = runOn(t, disk, second)
	if all := strings.Join(lines, "\n"); err != nil || !strings.Contains(all, "went on") {
		t.Errorf("%v\n%s", err, all)
	}
}

func TestMachineReportsAFailingScript(t *testing.T) {
	_, lines, err := run(t, job(wire.Storage{}, script("pre", "echo because; exit 3"), script("onerror", "echo so sorry")))
	f := failure(t, err)
	if f.Phase != "pre" || f.File != "test.ks" || f.Line != 12 || f.Exit != 3 || !strings.Contains(strings.Join(f.Tail, "\n"), "because") {
		t.Errorf("%+v", f)
	}
	if !strings.Contains(strings.Join(lines, "\n"), "so sorry") {
		t.Errorf("%%onerror did not run: %v", lines)
	}
}

func TestMachineReportsAnImpossibleDisk(t *testing.T) {
	_, _, err := run(t, job(wire.Storage{Partitions: []wire.Partition{{Mount: "/", Size: 8000, Line: 33}}}))
	if f := failure(t, err); f.Phase != "storage" || f.Line != 33 || !strings.Contains(f.Message, "MiB are missing") {
		t.Errorf("%+v", f)
	}
}

func TestMachineReportsItsOwnCrash(t *testing.T) {
	_, _, err := run(t, job(wire.Storage{}, script("pre", "kill -9 $PPID; sleep 10")))
	if f := failure(t, err); !strings.Contains(f.Message, "killed") {
		t.Errorf("%+v", f)
	}
}

// A root file system: no storage, no boot loader, and a tar on the output drive that the host takes apart.
func TestMachineStreamsARootFileSystem(t *testing.T) {
	j := job(wire.Storage{Clear: "all", ReqPart: true}, script("post", `set -eux
test ! -e /lost+found
mountpoint /run
umount /run # though there are repositories for scripts
ls /dev/quarry/payload | grep .
mkdir -p /run/lock /etc/quarry
echo hello >/etc/quarry/file
ln /etc/quarry/file /etc/quarry/zlink
mknod /etc/quarry/null c 1 3
rm -rf /boot`))
	j.Kind, j.Boot.Disabled = wire.RootFS, false
	output := filepath.Join(t.TempDir(), "output")
	if err := errors.Join(os.WriteFile(output, nil, 0o600), os.Truncate(output, 4<<30)); err != nil {
		t.Fatal(err)
	}
	payload := vm.Drive{Path: filepath.Join(images(t), "install.img"), Format: "raw", Serial: wire.Payload, ReadOnly: true} // any squashfs
	result, lines, err := run(t, j, vm.Drive{Path: output, Format: "raw", Serial: wire.Output, Unsafe: true}, payload)
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	if err := os.Truncate(output, result.Written); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "tar", "--numeric-owner", "-tvf", output).CombinedOutput()
	if err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	for _, want := range []string{
		`(?m)^drwx\S+ 0/0 .* \./$`, `(?m)^-rw-r--r-- 0/0 +6 .* etc/quarry/file$`,
		`(?m)^hrw-r--r-- 0/0 .* etc/quarry/zlink link to etc/quarry/file$`, `(?m)^drwxr-xr-x 0/0 .* run/lock/$`,
		`(?m)^-rwsr-xr-x 0/0 .* usr/bin/mount$`, `(?m)^dr-xr-xr-x 0/0 .* proc/$`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("nothing in the tar matches %s", want)
		}
	}
	if found := regexp.MustCompile(`(?m)^.* (boot|proc/.+|sys/.+|dev/.+|etc/quarry/null|lost\+found.*)$`).FindAll(out, 5); found != nil {
		t.Errorf("these do not belong there: %s", found)
	}
	if result.Unpacked < 50<<20 || result.Unpacked > result.Written {
		t.Errorf("%d bytes of files in %d bytes of tar", result.Unpacked, result.Written)
	}
}
