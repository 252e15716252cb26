package agent

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNewestEntry(t *testing.T) {
	entry := func(version string) string {
		return "title Pebble (" + version + ")\nversion " + version + "\nlinux /vmlinuz-" + version + "\ninitrd /initramfs-" + version + ".img $tuned_initrd\n" +
			"options root=UUID=1 ro console=ttyS0 $tuned_params\ngrub_users $grub_users\n"
	}
	texts := map[string]string{
		"id-5.14.0-70.el9.conf": entry("5.14.0-70.el9"), "id-5.14.0-503.el9.conf": entry("5.14.0-503.el9"), "id-0-rescue.conf": entry("9.9"),
		"id-broken.conf": "version 7\nlinux /vmlinuz-7\n",
	}
	got, ok := newest(texts)
	if !ok || got.version != "5.14.0-503.el9" || got.kernel != "/vmlinuz-5.14.0-503.el9" || got.initrd != "/initramfs-5.14.0-503.el9.img" ||
		got.options != "root=UUID=1 ro console=ttyS0" {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := newest(map[string]string{"id-0-rescue.conf": entry("1")}); ok {
		t.Error("the rescue kernel was chosen")
	}
}

func TestPiEntry(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"cmdline.txt", "kernel8.img", "initramfs8"} {
		if e, ok := piEntry(root); ok {
			t.Errorf("without %s: %+v", name, e)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("root=PARTUUID=1-3 rootwait\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e, ok := piEntry(root)
	if want := (entry{"kernel8.img", "kernel8.img", "initramfs8", "root=PARTUUID=1-3 rootwait"}); !ok || e != want {
		t.Errorf("%+v, %v", e, ok)
	}
}
