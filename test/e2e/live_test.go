package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/verify"
	"github.com/quarry-project/quarry/test/shared"
)

// TestPebbleLive builds the smallest live ISO whole, reads it with other people's programs, and boots it once as it is. `make live` has desktops,
// and every way to boot them.
func TestPebbleLive(t *testing.T) {
	w := newWorld(t)
	if w.pebble = os.Getenv("QUARRY_PEBBLE_DESKTOP"); w.pebble == "" {
		shared.Missing(t, "no Pebble tree with desktops: set QUARRY_PEBBLE_DESKTOP, or use make test")
	}
	publish := filepath.Join(t.TempDir(), "published")
	args := []string{
		"build", "--distro", "pebble", "--image", "Live", "--arch", "x86_64", "--mirror", "file://" + w.pebble, "--work", w.work,
		"--publish", publish, "--date", "20260102", "--no-verify", "--json",
	}
	_, o := w.build(t, args...)
	const dated = "Pebble-9.6-Live-x86_64-20260102.iso"
	checkTree(t, publish, dated)
	iso := filepath.Join(publish, dated)

	t.Run("phases", func(t *testing.T) {
		for _, step := range []string{"initrd", "root", "squash", "iso"} {
			if !slices.ContainsFunc(o.Phases, func(p artifact.Phase) bool { return p.Step == step && p.Seconds > 0 }) {
				t.Errorf("nothing says how long %s took: %+v", step, o.Phases)
			}
		}
	})
	t.Run("medium", func(t *testing.T) {
		has(t, output(t, "xorriso", "-indev", iso, "-report_el_torito", "plain"), `(?m)^Volume id +: 'Pebble-9-6-Live'$`,
			`(?m)^El Torito boot img : +1 +BIOS +y `, `(?m)^El Torito boot img : +2 +UEFI +y `, `/isolinux/isolinux\.bin`, `/images/efiboot\.img`)
		has(t, output(t, "isoinfo", "-R", "-f", "-i", iso), `(?m)^/LiveOS/squashfs\.img$`, `(?m)^/images/pxeboot/initrd\.img$`, `(?m)^/EFI/BOOT/BOOTX64\.EFI$`,
			`(?m)^/\.treeinfo$`)
		has(t, output(t, "isoinfo", "-R", "-x", "/isolinux/isolinux.cfg", "-i", iso), `append initrd=initrd\.img root=live:CDLABEL=Pebble-9-6-Live rd\.live\.image quiet rd\.live\.check\n`)
	})
	t.Run("root", func(t *testing.T) {
		dir := t.TempDir()
		output(t, "xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/LiveOS/squashfs.img", filepath.Join(dir, "squashfs.img"))
		has(t, output(t, "unsquashfs", "-s", filepath.Join(dir, "squashfs.img")), `(?m)^Compression zstd$`)
		output(t, "unsquashfs", "-no-progress", "-dest", filepath.Join(dir, "root"), filepath.Join(dir, "squashfs.img"))
		root := filepath.Join(dir, "root/LiveOS/rootfs.img")
		has(t, output(t, "/usr/sbin/dumpe2fs", "-h", root), `(?m)^Filesystem volume name: +Anaconda$`, `(?m)^Filesystem state: +clean$`, `has_journal`,
			`(?m)^Block count: +524288$`, `(?m)^Block size: +4096$`)
		has(t, output(t, "/usr/sbin/debugfs", "-R", "cat /etc/systemd/system/getty@tty1.service.d/live.conf", root), `--autologin liveuser`)
		if fstab := output(t, "/usr/sbin/debugfs", "-R", "cat /etc/fstab", root); strings.Contains(fstab, "UUID") {
			t.Errorf("the live system has a fstab of the build's: %s", fstab)
		}
	})
	t.Run("again", func(t *testing.T) { w.again(t, args...) })
	t.Run("boots", func(t *testing.T) {
		shots := t.TempDir()
		r := w.run(t, "verify", "--media", "cd", "--firmware", "bios", "--user", "liveuser", "--screenshots", shots, "--work", w.work, "--json", iso)
		var report verify.Report
		if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
			t.Fatalf("exit code %d, %v\n%s\n%s", r.code, err, r.stdout, r.stderr)
		}
		if r.code != 0 || !report.Passed || len(report.Boots) != 1 || report.Boots[0].Method != verify.Live || !slices.Contains(report.Boots[0].Users, "liveuser") {
			t.Errorf("exit code %d: %+v", r.code, report)
		}
		if pictures, _ := filepath.Glob(filepath.Join(shots, "*.png")); len(pictures) == 0 {
			t.Error("there is no picture")
		}
		t.Logf("booted in %s", r.took)
	})
}

// output is what a program of the host prints.
func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// has fails unless every pattern matches.
func has(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(text) {
			t.Errorf("nothing matches %s in\n%s", p, text)
		}
	}
}
