package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// piInitramfs is the name of an initramfs in a Pi's /boot.
const piInitramfs = "initramfs8"

// inspectDisk looks at a disk whose machine QEMU doesn't have: a Raspberry Pi's. Its kernel knows the Pi's own devices; where it comes with an
// initramfs, which has the drivers of others, it is then started on a machine that QEMU has.
func (v verifier) inspectDisk(ctx context.Context, s setup) ([]Boot, error) {
	in := Inspection{Path: s.disk, Format: s.diskFormat, Dir: s.Dir}
	withInitramfs := false
	b, err := v.inspected(ctx, s, in, s.piProbes(func(names []string) { withInitramfs = slices.Contains(names, piInitramfs) }))
	boots := []Boot{b}
	switch {
	case err != nil || !b.Passed || s.TakeKernel == nil:
		return boots, err
	case !withInitramfs:
		boots[0].NotSeen += "; nor can its kernel be started without the firmware: it comes without an initramfs, which would have the drivers of another machine"
		return boots, nil
	}
	kernel, err := s.TakeKernel(ctx, in, s.Report)
	if err != nil {
		return boots, fmt.Errorf("taking the kernel out of /boot: %w", err)
	}
	defer func() { _, _ = os.Remove(kernel.Path), os.Remove(kernel.Initrd.Path) }()
	// The last console is the system's own: what it tells of failed units is read there, and not on the screen that cmdline.txt names.
	kernel.Cmdline += " console=" + s.arch.Console
	s.Method, s.Firmware, s.Kernel, s.noButton = Console, []string{Direct}, &kernel, true
	more, err := v.boots(ctx, s)
	return append(boots, more...), err
}

// piProbes are what the Pi's firmware and kernel rely on. The names in /boot are told.
func (s setup) piProbes(inBoot func(names []string)) []probe {
	outside := func(script string) wire.Command { return wire.Command{Script: script, Outside: true} }
	list := []probe{
		{"partitions", outside("sfdisk --json /dev/vda"), judgePiTable},
		{"firmware", outside("ls " + wire.Image + "/boot"), func(a answer) (bool, string) {
			inBoot(strings.Fields(a.out))
			return judgePiFirmware(a)
		}},
		{"cmdline", outside("cat " + wire.Image + "/boot/cmdline.txt; findmnt -no SOURCE " + wire.Image + " | xargs blkid -s PARTUUID -o value"), judgePiCmdline},
		{"fstab", outside("cat " + wire.Image + "/etc/fstab; findmnt -rno TARGET | grep ^" + wire.Image), judgePiFstab},
		{"shell", wire.Command{Script: "uname -m"}, judgeRuns},
		{"os-release", wire.Command{Script: osRelease}, func(a answer) (bool, string) { return judgeRelease(a, s.Release) }},
	}
	if s.Packages != nil {
		list = append(list, probe{"packages", wire.Command{Script: queryPackages}, func(a answer) (bool, string) { return judgePackages(a, s.Packages) }})
	}
	return list
}

// judgePiTable reads sfdisk's JSON: the Pi's boot ROM knows the old table, and looks for a FAT partition by its type.
func judgePiTable(a answer) (bool, string) {
	var dump struct {
		Table struct {
			Label      string `json:"label"`
			Partitions []struct {
				Node string `json:"node"`
				Size int64  `json:"size"` // sectors
				Type string `json:"type"`
			} `json:"partitions"`
		} `json:"partitiontable"`
	}
	if err := json.Unmarshal([]byte(a.out), &dump); a.code != 0 || err != nil {
		return false, "there is no partition table that sfdisk can read: " + printable(a.both())
	}
	table := dump.Table
	detail := table.Label
	for _, p := range table.Partitions {
		detail += fmt.Sprintf("; %s type %s, %d MiB", printable(p.Node), printable(p.Type), p.Size>>11)
	}
	switch {
	case table.Label != "dos":
		return false, detail + ": not every Pi reads another table than the old one"
	case len(table.Partitions) == 0 || !slices.Contains([]string{"b", "c", "e"}, table.Partitions[0].Type):
		return false, detail + ": the first partition has no type of FAT, which the Pi looks for"
	}
	return true, detail
}

// judgePiFirmware reads the names in /boot: what the Pi's boot ROM and the GPU's firmware load. A Pi 4 has its first stage in its own memory,
// so bootcode.bin is only told of.
func judgePiFirmware(a answer) (bool, string) {
	names := strings.Fields(a.out)
	var missing []string
	for _, need := range []struct{ what, pattern string }{
		{"firmware (start*.elf)", `^start.*\.elf$`},
		{"its data (fixup*.dat)", `^fixup.*\.dat$`},
		{"a kernel (kernel*.img)", `^kernel.*\.img$`},
		{"a device tree (bcm*.dtb)", `^bcm.*\.dtb$`},
		{"cmdline.txt", `^cmdline\.txt$`},
	} {
		if !slices.ContainsFunc(names, regexp.MustCompile(need.pattern).MatchString) {
			missing = append(missing, need.what)
		}
	}
	if a.code != 0 || len(missing) > 0 {
		return false, "/boot lacks " + strings.Join(missing, ", ") + "; there is: " + printable(listed(names))
	}
	detail := "firmware, kernel, device trees and cmdline.txt are in /boot"
	if !slices.Contains(names, "bootcode.bin") {
		detail += "; there is no bootcode.bin, which models before the Pi 4 need"
	}
	return true, detail
}

// judgePiCmdline reads the kernel's arguments and, on the last line, the identifier of the partition that has the root file system.
func judgePiCmdline(a answer) (bool, string) {
	lines := strings.Split(strings.TrimSpace(a.out), "\n")
	if a.code != 0 || len(lines) != 2 {
		return false, "there are no arguments of one line, or the root has no PARTUUID: " + printable(a.both())
	}
	arguments, id := strings.Fields(lines[0]), printable(lines[1])
	root := slices.IndexFunc(arguments, func(s string) bool { return strings.HasPrefix(s, "root=") })
	if root < 0 || !strings.EqualFold(arguments[root], "root=PARTUUID="+id) {
		return false, fmt.Sprintf("%q does not say root=PARTUUID=%s", printable(lines[0]), id)
	}
	return true, printable(lines[0])
}

// judgePiFstab reads fstab and what was mounted by it.
func judgePiFstab(a answer) (bool, string) {
	if mounted := strings.Contains(a.out, "\n"+wire.Image+"/boot"); a.code != 0 || !mounted {
		return false, "/boot was not found by what fstab says: " + printable(a.both())
	}
	return true, "/ and /boot are found by what fstab says"
}
