package iso

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
)

// prints returns what a program of the host prints.
func prints(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// needs skips the test where the host lacks a program that only tests use.
func needs(t testing.TB, name, deb string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed: the package %s has it", name, deb)
	}
}

// noise is n bytes that are the same for the same name, and don't repeat.
func noise(name string, n int) []byte {
	var b []byte
	for sum := digest.Bytes([]byte(name)); len(b) < n; sum = digest.Bytes([]byte(sum)) {
		b = append(b, sum.Hex()...)
	}
	return b[:n]
}

// standIns makes the files of a Spec, as small as they can be and still be taken for what they stand for, and a real squashfs.
func standIns(t testing.TB, architecture, loader string) Spec {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	squash := filepath.Join(dir, "squashfs.img")
	prints(t, "mksquashfs", filepath.Dir(file("system/words", noise("words", 100<<10))), squash, "-quiet", "-no-progress", "-comp", "xz", "-mkfs-time", "0", "-all-time", "0", "-all-root")
	kernel := noise("vmlinuz", 200<<10)
	copy(kernel[s390Magic:], "S390EP")
	isolinux := noise("isolinux.bin", 40<<10)
	copy(isolinux[64:], "\xfb\xc0\x78\x70") // where the hybrid MBR continues
	file("syslinux/isolinux.bin", isolinux)
	for _, name := range []string{"ldlinux.c32", "libcom32.c32", "libutil.c32", "vesamenu.c32"} {
		file("syslinux/"+name, noise(name, 5000))
	}
	file("syslinux/isohdpfx.bin", noise("isohdpfx.bin", 432))
	file("grub/boot_hybrid.img", noise("boot_hybrid.img", 512))
	file("grub/moddep.lst", []byte("normal: crypto\n"))
	file("grub/fdt.lst", nil) // as it is in grub's own folder
	file("grub/normal.mod", noise("normal.mod", 9000))
	file("grub/kernel.img", noise("kernel.img", 9000))
	s := specOf(architecture, loader)
	s.Content = []File{{"LiveOS/squashfs.img", squash}, {"LICENSE", file("a name, with = and more", []byte("free\n"))}}
	s.Boot = Boot{
		Kernel: file("vmlinuz", kernel), Initrd: file("initrd.img", noise("initrd.img", 300<<10)), Isolinux: filepath.Join(dir, "syslinux"),
		Grub: filepath.Join(dir, "grub"), GrubImage: file("core.img", noise("core.img", 30<<10)), Memtest: file("memtest.bin", noise("memtest", 9000)),
		EFI: EFI{Shim: file("shim.efi", noise("shim", 90<<10)), MokManager: file("mm.efi", noise("mm", 80<<10)), Grub: file("gcd.efi", noise("gcd", 200<<10)), Font: file("u.pf2", noise("font", 9000))},
	}
	s.Dir, s.Out = t.TempDir(), filepath.Join(t.TempDir(), "image.iso")
	return s
}

// TestMake makes an image of each layout, and has this package and other programs read it.
func TestMake(t *testing.T) {
	for name, of := range layouts() {
		t.Run(name, func(t *testing.T) {
			s := standIns(t, of[0], of[1])
			phases := map[string]bool{}
			made, err := Make(t.Context(), s, func(e progress.Event) { phases[e.Phase] = true })
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(s.Out)
			if err != nil || made.Path != s.Out || made.Size != info.Size() || info.Mode().Perm() != 0o644 {
				t.Errorf("got %+v, %v, %v", made, info, err)
			}
			for _, phase := range []string{"digests", "iso", "media check"} {
				if !phases[phase] {
					t.Errorf("nothing was said of %q: %v", phase, phases)
				}
			}
			wantOnly(t, s.Dir)
			wantOnly(t, filepath.Dir(s.Out), "image.iso")
			if err := Sound(t.Context(), s.Out, nil); err != nil {
				t.Error(err)
			}
			r, err := Inspect(s.Out)
			if err != nil {
				t.Fatal(err)
			}
			if r.VolumeID != s.VolumeID || r.Arch != s.Arch || r.System != "Rocky Linux 9.6" || r.Squashfs.Path != s.Stage2 || r.Squashfs.Compression != "xz" || r.Squashfs.Made != 0 {
				t.Errorf("got %+v", r)
			}
			want := map[string]string{"x86_64": "bios,uefi", "aarch64": "uefi", "riscv64": "uefi", "ppc64le": "open firmware", "s390x": "s390x"}[s.Arch]
			if got := strings.Join(r.Firmware, ","); got != want {
				t.Errorf("it starts with %s, want %s", got, want)
			}
			wantSame(t, s)
			wantBoot(t, s)
		})
	}
}

func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, names) {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
}

// wantSame makes the image again, of copies of its files that are younger, elsewhere, and in another time zone.
func wantSame(t *testing.T, s Spec) {
	t.Helper()
	first, _, err := digest.File(s.Out)
	if err != nil {
		t.Fatal(err)
	}
	again := standIns(t, s.Arch, s.Loader)
	now := time.Now().Add(-time.Hour)
	if err := os.Chtimes(again.Boot.EFI.Grub, now, now); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "Asia/Tokyo")
	t.Setenv("SOURCE_DATE_EPOCH", "77")
	if _, err := Make(t.Context(), again, nil); err != nil {
		t.Fatal(err)
	}
	if second, _, err := digest.File(again.Out); err != nil || second != first {
		t.Errorf("made again it is %s instead of %s, %v", second, first, err)
	}
}

// wantBoot has xorriso say how the image starts, and compares files in it with what they were made of.
func wantBoot(t *testing.T, s Spec) {
	t.Helper()
	report := prints(t, "xorriso", "-no_rc", "-indev", s.Out, "-report_el_torito", "plain", "-report_system_area", "plain")
	want := map[string][]string{
		"x86_64/isolinux": {"boot img :   1  BIOS", "1  /isolinux/isolinux.bin", "boot-info-table isohybrid-suitable", "boot img :   2  UEFI", "2  /images/efiboot.img", "GPT partition path :   2  /images/efiboot.img"},
		"x86_64/grub2":    {"boot img :   1  BIOS", "1  /images/eltorito.img", "boot-info-table grub2-boot-info", "boot img :   2  UEFI", "grub2-mbr", "GPT type GUID      :   2  28732ac11ff8d211ba4b00a0c93ec93b"},
		"aarch64/":        {"boot img :   1  UEFI", "GPT type GUID      :   2  28732ac11ff8d211ba4b00a0c93ec93b"},
		"riscv64/":        {"boot img :   1  UEFI", "GPT type GUID      :   2  28732ac11ff8d211ba4b00a0c93ec93b"},
		"ppc64le/":        {"CHRP"},
		"s390x/":          {"boot img :   1  BIOS", "1  /images/cdboot.img"},
	}[s.Arch+"/"+s.Loader]
	for _, w := range append(want, "Volume id    : '"+s.VolumeID+"'") {
		if !strings.Contains(report, w) {
			t.Errorf("xorriso does not say %q:\n%s", w, report)
		}
	}
	dir := t.TempDir()
	p, err := placeOf(s.Arch, s.Loader)
	if err != nil {
		t.Fatal(err)
	}
	for path, from := range map[string]string{p.kernel: s.Boot.Kernel, p.initrd: s.Boot.Initrd, "LiveOS/squashfs.img": s.Content[0].Source, "LICENSE": s.Content[1].Source} {
		out := filepath.Join(dir, filepath.Base(path))
		prints(t, "xorriso", "-no_rc", "-osirrox", "on", "-indev", s.Out, "-extract", "/"+path, out)
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := os.ReadFile(from); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s holds something else than %s", path, from)
		}
	}
}

// TestEFIFolder: the file system that UEFI reads has what the image's own folder has.
func TestEFIFolder(t *testing.T) {
	s := standIns(t, "x86_64", Isolinux)
	if _, err := Make(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	image := filepath.Join(dir, "efiboot.img")
	prints(t, "xorriso", "-no_rc", "-osirrox", "on", "-indev", s.Out, "-extract", "/"+efiImage, image, "-extract", "/"+efiFolder, filepath.Join(dir, "folder"))
	prints(t, "chmod", "-R", "u+w", filepath.Join(dir, "folder")) // folders come out as they are in the image, read-only: they could not be removed
	prints(t, "mcopy", "-i", image, "-s", "::/"+efiFolder, filepath.Join(dir, "inside"))
	prints(t, "diff", "-r", filepath.Join(dir, "folder"), filepath.Join(dir, "inside"))
	for _, name := range []string{"BOOTX64.EFI", "grubx64.efi", "mmx64.efi", "grub.cfg", "fonts/unicode.pf2"} {
		if _, err := os.Stat(filepath.Join(dir, "inside", name)); err != nil {
			t.Error(err)
		}
	}
	if label := prints(t, "mlabel", "-i", image, "-s", "::"); !strings.Contains(label, efiLabel) {
		t.Errorf("the label is %q", label)
	}
}

func TestEFISize(t *testing.T) {
	for _, c := range []struct {
		sizes []int64
		want  int64
	}{{nil, 1}, {[]int64{1}, 1}, {[]int64{mebibyte}, 2}, {[]int64{4 << 20, 4 << 20, 1}, 9}} {
		if got := efiSize(c.sizes); got != c.want*mebibyte {
			t.Errorf("%v take %d bytes, want %d MiB", c.sizes, got, c.want)
		}
	}
}

// TestIsoinfo: another reader than xorriso's library understands the image.
func TestIsoinfo(t *testing.T) {
	needs(t, "isoinfo", "genisoimage")
	s := standIns(t, "x86_64", Isolinux)
	if _, err := Make(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	out := prints(t, "isoinfo", "-d", "-i", s.Out)
	for _, w := range []string{"Volume id: " + s.VolumeID, "Joliet with UCS level 3", "Rock Ridge signatures version 1", "Bootid 88 (bootable)"} {
		if !strings.Contains(out, w) {
			t.Errorf("isoinfo does not say %q:\n%s", w, out)
		}
	}
	for _, long := range []string{"-R", "-J"} {
		if files := prints(t, "isoinfo", "-f", long, "-i", s.Out); !strings.Contains(files, "/"+treeinfo+"\n") || !strings.Contains(files, "/LiveOS/squashfs.img\n") {
			t.Errorf("isoinfo %s has %s", long, files)
		}
	}
}

// TestNoProgram: the error of a host without xorriso says what to do.
func TestNoProgram(t *testing.T) {
	s := standIns(t, "s390x", "")
	t.Setenv("PATH", t.TempDir())
	if _, err := Make(t.Context(), s, nil); err == nil || !strings.Contains(err.Error(), "xorriso") || !strings.Contains(err.Error(), "quarry doctor") {
		t.Errorf("got %v", err)
	}
}

// TestMakeFails: whatever is wrong, what had the name before keeps it, and nothing else is left.
func TestMakeFails(t *testing.T) {
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	for name, c := range map[string]struct {
		ctx    context.Context
		change func(*Spec)
		says   string
	}{
		"cancelled":          {cancelled, func(*Spec) {}, "enough"},
		"no kernel":          {t.Context(), func(s *Spec) { s.Boot.Kernel += "x" }, "vmlinuzx"},
		"an empty file":      {t.Context(), func(s *Spec) { s.Boot.GrubImage = write(t, nil) }, "is empty"},
		"a folder":           {t.Context(), func(s *Spec) { s.Boot.Initrd = s.Dir }, "no regular file"},
		"no modules":         {t.Context(), func(s *Spec) { s.Boot.Grub = s.Dir }, "no modules"},
		"the catalogue":      {t.Context(), func(s *Spec) { s.Content[1].Path = "boot.cat" }, "twice"},
		"its own .treeinfo":  {t.Context(), func(s *Spec) { s.Content[1].Path = treeinfo }, "twice"},
		"a file of the boot": {t.Context(), func(s *Spec) { s.Content[1].Path = "EFI/BOOT" }, "twice"},
		"no MBR":             {t.Context(), func(s *Spec) { err := os.Remove(filepath.Join(s.Boot.Grub, "boot_hybrid.img")); _ = err }, "boot_hybrid.img"},
		"no volume id":       {t.Context(), func(s *Spec) { s.VolumeID = "" }, "volume id"},
	} {
		t.Run(name, func(t *testing.T) {
			s := standIns(t, "x86_64", Grub2)
			c.change(&s)
			if err := os.WriteFile(s.Out, []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Make(c.ctx, s, nil); err == nil || !strings.Contains(err.Error(), s.Out) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v; want an error that names %s and says %q", err, s.Out, c.says)
			}
			if got, err := os.ReadFile(s.Out); err != nil || string(got) != "before" {
				t.Errorf("afterwards it holds %q, %v", got, err)
			}
			wantOnly(t, filepath.Dir(s.Out), "image.iso")
			wantOnly(t, s.Dir)
		})
	}
}
