package pebble

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/test/golden"
)

func declared(t *testing.T) declarations {
	t.Helper()
	d, err := load(false)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every architecture has a platform, a kernel and seeds, and all that groups and rules name is declared or comes from Debian.
func TestDeclarations(t *testing.T) {
	d := declared(t)
	for _, a := range arch.All() {
		if a.CPU[release] == "" { // riscv64: Enterprise Linux 9 isn't made for it, nor is Debian 12
			continue
		}
		p, ok := d.Platforms[a.Name]
		if p.None != "" {
			continue
		}
		if !ok || p.Kernel == "" || p.Platforms == "" || len(p.Modules) == 0 {
			t.Errorf("%s: platform %+v", a.Name, p)
		}
		seeds := strings.Join(d.seeds(a), " ")
		for _, want := range []string{p.Kernel, "rpm", "dnf", "systemd", "cloud-init"} {
			if !strings.Contains(" "+seeds+" ", " "+want+" ") {
				t.Errorf("%s: seed %s is missing", a.Name, want)
			}
		}
		if a.Name != "x86_64" && strings.Contains(seeds, "grub-pc") {
			t.Errorf("%s has a BIOS boot loader", a.Name)
		}
	}
}

// Files under data/files belong to a declared package: a folder with a misspelt name would be passed over in silence.
func TestFilesBelongToPackages(t *testing.T) {
	names := map[string]bool{}
	for _, r := range declared(t).Packages {
		names[r.Name] = true
	}
	entries, err := fs.ReadDir(data, "data/files")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !names[e.Name()] {
			t.Errorf("data/files/%s belongs to no package", e.Name())
		}
	}
}

func TestComps(t *testing.T) {
	d := declared(t)
	have := map[string]bool{}
	for _, r := range d.Packages {
		have[r.Name] = true
	}
	for _, name := range []string{"x86_64", "s390x"} {
		text, err := d.comps.xmlFor(name, have)
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, "comps-"+name+".xml", string(text))
	}
	delete(have, "bash")
	if _, err := d.comps.xmlFor("x86_64", have); err == nil || !strings.Contains(err.Error(), "bash") {
		t.Errorf("a group with a missing package: %v", err)
	}
}

// Each architecture has its images where a release of Enterprise Linux has them.
func TestTreeinfo(t *testing.T) {
	for name, p := range declared(t).Platforms {
		if p.None != "" {
			continue
		}
		sums := map[string]digest.Digest{}
		for _, file := range []string{p.Images.Kernel, p.Images.Initrd, stage2Image, "repodata/repomd.xml"} {
			sums[file] = digest.Bytes([]byte(file))
		}
		golden.Equal(t, "treeinfo-"+name, treeinfo(name, p, "BaseOS", sums))
	}
	x := declared(t).Platforms["x86_64"]
	golden.Equal(t, "treeinfo-appstream", treeinfo("x86_64", x, "AppStream", map[string]digest.Digest{"repodata/repomd.xml": digest.Bytes(nil)}))
}

// An architecture without a Pebble says so, and why, before anything is fetched.
func TestNoPebble(t *testing.T) {
	_, err := newBuild(Options{Arch: "riscv64", Cache: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "there is no Pebble for riscv64: Debian 12") {
		t.Errorf("got %v", err)
	}
}
