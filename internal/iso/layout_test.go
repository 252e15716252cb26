package iso

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/test/golden"
)

// specOf is a Spec of files that are nowhere.
func specOf(architecture, loader string) Spec {
	return Spec{
		Arch: architecture, Loader: loader, VolumeID: "Rocky-9-6-XFCE", Family: "Rocky Linux", Version: "9.6",
		Menu:    Menu{Title: "Rocky Linux 9.6 XFCE", Args: "root=live:CDLABEL=Rocky-9-6-XFCE rd.live.image quiet", Check: "rd.live.check"},
		Content: []File{{"LiveOS/squashfs.img", "/in/squashfs.img"}}, Stage2: "LiveOS/squashfs.img",
		Boot: Boot{
			Kernel: "/in/vmlinuz", Initrd: "/in/initrd.img", Isolinux: "/in/syslinux", Grub: "/in/grub", GrubImage: "/in/core.img", Memtest: "/in/memtest",
			EFI: EFI{Shim: "/in/shim.efi", MokManager: "/in/mm.efi", Grub: "/in/gcd.efi", Font: "/in/unicode.pf2"},
		},
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Dir: "/scratch", Out: "/out/image.iso",
	}
}

// layouts are all architectures and loaders, by the names of their golden files.
func layouts() map[string][2]string {
	return map[string][2]string{
		"x86_64-el9": {"x86_64", Isolinux}, "x86_64-el10": {"x86_64", Grub2}, "aarch64": {"aarch64"}, "ppc64le": {"ppc64le"}, "s390x": {"s390x"}, "riscv64": {"riscv64"},
	}
}

// TestLayout has all that is decided for an image, without any file: command lines, files, and texts.
func TestLayout(t *testing.T) {
	for name, of := range layouts() {
		t.Run(name, func(t *testing.T) {
			s := specOf(of[0], of[1])
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
			p, err := placeOf(s.Arch, s.Loader)
			if err != nil {
				t.Fatal(err)
			}
			items := layout(s, p, []string{"moddep.lst", "normal.mod"})
			if err := check(items); err != nil {
				t.Error(err)
			}
			var b strings.Builder
			fmt.Fprintf(&b, "starts: %+v\ngrub's image: %q\n", s.Starts(), GrubImageArgs(s.Arch, s.Loader, "/modules", "/core.img"))
			if p.efi {
				for _, a := range efiArgs("/scratch/efi", "/scratch/efiboot.img", 12<<20, "12345678") {
					fmt.Fprintf(&b, "\n%s\n", strings.Join(a, " "))
				}
			}
			fmt.Fprintf(&b, "\n%s\n\n%s", strings.Join(args(s, p, "/scratch/efiboot.img", "/scratch/files", "/out/image.iso", 1<<30), "\n  "), graft(items))
			sums := map[string]digest.Digest{p.kernel: digest.Bytes(nil), p.initrd: digest.Bytes(nil), s.Stage2: digest.Bytes(nil)}
			if p.efi && !p.appended {
				sums[efiImage] = digest.Bytes(nil)
			}
			for _, it := range append(items, item{path: treeinfo, text: treeinfoText(s, p, sums)}) {
				if it.text != "" {
					fmt.Fprintf(&b, "\n--- %s\n%s", it.path, it.text)
				}
			}
			golden.Equal(t, name+".txt", b.String())
		})
	}
}

// TestLargeFiles: files that don't fit into one extent need ISO level 3, and only they.
func TestLargeFiles(t *testing.T) {
	s := specOf("aarch64", "")
	p, err := placeOf(s.Arch, s.Loader)
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]bool{1: false, 4<<30 - 1: false, 4 << 30: true, 9 << 30: true} {
		if got := strings.Contains(strings.Join(args(s, p, "e", "l", "o", size), " "), "-iso-level 3"); got != want {
			t.Errorf("%d bytes: level 3 is %v", size, got)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		says   string
	}{
		"no such architecture": {func(s *Spec) { s.Arch = "vax" }, "vax"},
		"no loader":            {func(s *Spec) { s.Loader = "" }, "loader"},
		"a loader elsewhere":   {func(s *Spec) { s.Arch = "aarch64" }, "no BIOS"},
		"no volume id":         {func(s *Spec) { s.VolumeID = "" }, "volume id"},
		"a long volume id":     {func(s *Spec) { s.VolumeID = strings.Repeat("R", 33) }, "volume id"},
		"a space in it":        {func(s *Spec) { s.VolumeID = "Rocky 9" }, "volume id"},
		"a quote in the title": {func(s *Spec) { s.Menu.Title = "Rocky's" }, "title"},
		"lines in arguments":   {func(s *Spec) { s.Menu.Args = "quiet\n  initrd /x" }, "kernel arguments"},
		"a variable":           {func(s *Spec) { s.Menu.Check = "$x" }, "media check"},
		"no family":            {func(s *Spec) { s.Family = "" }, "family"},
		"no time":              {func(s *Spec) { s.Time = time.Time{} }, "time"},
		"a path outside":       {func(s *Spec) { s.Content[0].Path = "../x" }, "../x"},
		"an equals sign":       {func(s *Spec) { s.Content[0].Path = "a=b" }, "a=b"},
		"a file twice":         {func(s *Spec) { s.Content = append(s.Content, s.Content[0]) }, "twice"},
		"no main image":        {func(s *Spec) { s.Stage2 = "images/install.img" }, "install.img"},
		"no kernel":            {func(s *Spec) { s.Boot.Kernel = "" }, "kernel"},
		"no isolinux":          {func(s *Spec) { s.Boot.Isolinux = "" }, "isolinux"},
		"no grub":              {func(s *Spec) { s.Boot.EFI.Grub = "" }, "grub"},
		"no image of grub":     {func(s *Spec) { s.Loader, s.Boot.GrubImage = Grub2, "" }, "core image"},
	} {
		t.Run(name, func(t *testing.T) {
			s := specOf("x86_64", Isolinux)
			c.change(&s)
			if err := s.Check(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v; want an error that says %q", err, c.says)
			}
		})
	}
}

func TestPathsMeet(t *testing.T) {
	for _, paths := range [][]string{{"a", "a"}, {"a/b", "c", "a"}, {"EFI/BOOT/grub.cfg", "EFI/BOOT"}} {
		var items []item
		for _, p := range paths {
			items = append(items, item{path: p})
		}
		if check(items) == nil {
			t.Errorf("%q can be in one image", paths)
		}
	}
	if err := check([]item{{path: "a"}, {path: "a.b"}, {path: "ab/c"}}); err != nil {
		t.Error(err)
	}
}

// TestDiskID: other images have other ids, and the same one has the same.
func TestDiskID(t *testing.T) {
	s := specOf("aarch64", "")
	same, other := s, s
	same.Dir, same.Out = "/elsewhere", "/there"
	other.VolumeID = "Rocky-9-6-KDE"
	if s.diskID() != same.diskID() || s.diskID() == other.diskID() {
		t.Errorf("got %s, %s, %s", s.diskID(), same.diskID(), other.diskID())
	}
}

func TestPercent(t *testing.T) {
	var got []float64
	w := &percentWriter{report: func(p float64) { got = append(got, p) }}
	for _, part := range []string{"xorriso : UPDATE :   1.5", "0% done\nxorriso : UPDATE :  99.96% done, estimate", " finish\r", "Writing to 'x' completed\n", strings.Repeat("x", 9999)} {
		if n, err := w.Write([]byte(part)); err != nil || n != len(part) {
			t.Fatal(n, err)
		}
	}
	if fmt.Sprint(got) != "[1.5 99.96]" || len(w.rest) != 0 {
		t.Errorf("got %v, and %d bytes are kept", got, len(w.rest))
	}
}
