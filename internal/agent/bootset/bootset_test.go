package bootset

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/test/golden"
)

// tree makes files below a new root: names that end with "/" are folders, "NAME -> TARGET" links.
func tree(t *testing.T, names ...string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		name, target, link := strings.Cut(name, " -> ")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case link:
			err = os.Symlink(target, path)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, []byte(name), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestNewestKernel(t *testing.T) {
	root := tree(t,
		"usr/lib/modules/5.14.0-9.el9.x86_64/vmlinuz", "usr/lib/modules/5.14.0-70.13.1.el9_0.x86_64/vmlinuz",
		"usr/lib/modules/5.14.0-570.el9.x86_64/modules.dep", "usr/lib/modules/9 -> 5.14.0-9.el9.x86_64",
	)
	got, err := newestKernel(root)
	if err != nil || got != "5.14.0-70.13.1.el9_0.x86_64" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := newestKernel(tree(t, "usr/lib/modules/")); err == nil || !strings.Contains(err.Error(), "add kernel to") {
		t.Errorf("no kernel: %v", err)
	}
}

func TestCompareVersions(t *testing.T) {
	versions := []string{"6.12.0-1.el10", "5.14.0-570.12.1.el9_6.x86_64", "5.14.0-70.el9", "4.18.0-553.el8_10", "5.14.0-570.el9"}
	slices.SortFunc(versions, CompareVersions)
	if got := strings.Join(versions, " "); got != "4.18.0-553.el8_10 5.14.0-70.el9 5.14.0-570.12.1.el9_6.x86_64 5.14.0-570.el9 6.12.0-1.el10" {
		t.Error(got)
	}
}

func TestFiles(t *testing.T) {
	all := []string{
		"boot/efi/EFI/rocky/shimx64.efi", "usr/share/syslinux/isolinux.bin", "usr/share/syslinux/ldlinux.c32", "boot/memtest86+x64.bin",
		"usr/lib/grub/i386-pc/a.mod", "usr/lib/grub/i386-pc/b.mod", "usr/lib/grub/i386-pc/folder.mod/", "usr/lib/grub/i386-pc/moddep.lst",
		"usr/lib/grub/i386-pc/evil name.mod.not", "boot/out -> ../../../../etc/passwd", "boot/abs -> /boot/memtest86+x64.bin", "boot/in -> memtest86+x64.bin",
	}
	cases := []struct {
		name    string
		file    wire.BootFile
		want    string // files
		text    string // of the first
		missing string
		err     string
	}{
		{name: "one", file: wire.BootFile{Name: "shim.efi", Globs: []string{"boot/efi/EFI/*/shimx64.efi"}}, want: "shim.efi", text: "boot/efi/EFI/rocky/shimx64.efi"},
		{name: "in a folder", file: wire.BootFile{Name: "isolinux/x.bin", Globs: []string{"usr/share/syslinux/isolinux.bin"}}, want: "isolinux/x.bin"},
		{name: "second glob", file: wire.BootFile{Name: "m", Globs: []string{"boot/none", "boot/memtest*"}}, want: "m"},
		{name: "all", file: wire.BootFile{Name: "grub", Globs: []string{"usr/lib/grub/i386-pc/*.mod"}, All: true}, want: "grub/a.mod grub/b.mod"},
		{name: "optional", file: wire.BootFile{Name: "font", Globs: []string{"nowhere"}, Optional: true}, missing: "font"},
		{name: "missing", file: wire.BootFile{Name: "x", Globs: []string{"a/b", "c"}, Package: "syslinux"}, err: "no file /a/b or /c is in the installed packages: the package syslinux brings it"},
		{name: "link inside", file: wire.BootFile{Name: "x", Globs: []string{"boot/in"}}, want: "x", text: "boot/memtest86+x64.bin"},
		{name: "link outside", file: wire.BootFile{Name: "x", Globs: []string{"boot/out"}, Package: "p"}, err: "the package p brings it"},
		{name: "absolute link", file: wire.BootFile{Name: "x", Globs: []string{"boot/abs"}, Package: "p"}, err: "the package p brings it"},
		{name: "folder", file: wire.BootFile{Name: "x", Globs: []string{"boot"}, Package: "p"}, err: "the package p brings it"},
		{name: "bad name", file: wire.BootFile{Name: "../x", Globs: []string{"boot/in"}}, err: "can't be a file's name"},
		{name: "bad name of many", file: wire.BootFile{Name: "grub", Globs: []string{"usr/lib/grub/i386-pc/*.not"}, All: true}, err: "can't be a file's name"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var result wire.BootResult
			out := t.TempDir()
			err := collector{root: tree(t, all...), out: out, result: &result}.file(c.file)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("%v, want %q", err, c.err)
			}
			if got := strings.Join(result.Files, " "); got != c.want {
				t.Errorf("files %q", got)
			}
			if got := strings.Join(result.Missing, " "); got != c.missing {
				t.Errorf("missing %q", got)
			}
			if c.text != "" {
				if data, err := os.ReadFile(filepath.Join(out, c.want)); err != nil || string(data) != c.text {
					t.Errorf("%q, %v", data, err)
				}
			}
		})
	}
}

func TestEmptyFileIsRefused(t *testing.T) {
	root := tree(t, "boot/")
	if err := root.WriteFile("boot/vmlinuz", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := collector{root: root, out: t.TempDir(), result: &wire.BootResult{}}.copy("boot/vmlinuz", "vmlinuz")
	if err == nil || !strings.Contains(err.Error(), "no file of 1 to") {
		t.Error(err)
	}
}

func TestDracutModules(t *testing.T) {
	root := tree(t, dracutDir+"/90dmsquash-live/", dracutDir+"/90livenet/", dracutDir+"/30convertfs/")
	if err := needModules(root, []string{"livenet", "dmsquash-live"}); err != nil {
		t.Error(err)
	}
	var missing *MissingError
	if err := needModules(tree(t, dracutDir+"/90livenet/"), []string{"livenet", "dmsquash-live"}); !errors.As(err, &missing) || missing.Package != "dracut-live" {
		t.Errorf("%v", err)
	}
	if hasModule(root, "live") || hasModule(root, "convert") {
		t.Error("a module is taken for another whose name is longer")
	}
}

func TestDracutArguments(t *testing.T) {
	d := wire.Dracut{Add: []string{"livenet", "dmsquash-live"}, Omit: []string{"plymouth"}}
	golden.Equal(t, "dracut.txt", strings.Join(dracutArgs(d, []string{"pollcdrom"}, "5.14.0-570.el9.x86_64"), "\n")+"\n")
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"vmlinuz": true, "grub/a.mod": true, "memtest86+x64.bin": true, "": false, ".": false, "..": false, "/x": false, "a/../b": false, "a/b/c": false,
		"a/": false, "-o": false, "a b": false, "a\n": false, "a/.b": false,
	} {
		if ValidName(name) != want {
			t.Errorf("%q", name)
		}
	}
}
