package storage

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAlias(t *testing.T) {
	dir := t.TempDir()
	disk := filepath.Join(dir, "vda")
	for _, name := range []string{"vda", "vda3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"", "vda"} {
		if err := Alias(dir, disk, name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if all, _ := os.ReadDir(dir); len(all) != 2 {
		t.Errorf("a name that the disk has makes links: %v", all)
	}
	if err := Alias(dir, disk, "sda"); err != nil {
		t.Fatal(err)
	}
	for link, want := range map[string]string{"sda": "vda", "sda3": "vda3"} {
		if got, err := os.ReadFile(filepath.Join(dir, link)); err != nil || string(got) != want {
			t.Errorf("%s is %q, want %s (%v)", link, got, want, err)
		}
	}
	if target, err := os.Readlink(filepath.Join(dir, "sda7")); err != nil || target != "vda7" {
		t.Errorf("sda7 leads to %q: %v", target, err)
	}
	if err := Alias(dir, disk, "sda"); err == nil {
		t.Error("a disk that is there was renamed")
	}
}
