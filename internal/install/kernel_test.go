package install

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/vm"
	"github.com/quarry-project/quarry/test/shared"
)

func kernelTar(t *testing.T, files ...string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestUnpackKernel(t *testing.T) {
	dir := t.TempDir()
	k, err := unpackKernel(kernelTar(t, wire.KernelFile, "linux", wire.InitrdFile, "initramfs", wire.CmdlineFile, "root=UUID=1 ro\x1b[31m\n"), dir)
	if err != nil || strings.ContainsRune(k.Cmdline, '\x1b') || !strings.HasPrefix(k.Cmdline, "root=UUID=1 ro") {
		t.Fatalf("%+v, %v", k, err)
	}
	for path, want := range map[string]string{k.Path: "linux", k.Initrd.Path: "initramfs"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", path, got, err)
		}
	}
	for name, files := range map[string][]string{
		"nothing": nil, "a path": {"../escape", "x"}, "another order": {wire.InitrdFile, "x", wire.KernelFile, "x"}, "empty": {wire.KernelFile, ""},
		"no initramfs": {wire.KernelFile, "x"}, "a long line": {wire.KernelFile, "x", wire.InitrdFile, "x", wire.CmdlineFile, strings.Repeat("x", maxCmdline+1)},
	} {
		if k, err := unpackKernel(kernelTar(t, files...), t.TempDir()); err == nil {
			t.Errorf("%s: %+v", name, k)
		}
	}
}

// A machine reads what is on a disk: here one file system without partitions.
func TestKernelOfADisk(t *testing.T) {
	root := os.Getenv("QUARRY_PEBBLE")
	if root == "" {
		shared.Missing(t, "no test distribution: set QUARRY_PEBBLE to the tree that `make pebble` makes")
	}
	content, dir := t.TempDir(), t.TempDir()
	files := map[string]string{
		"boot/loader/entries/id-6.1.conf": "version 6.1\nlinux /boot/vmlinuz-6.1\ninitrd /boot/initramfs-6.1.img\noptions root=UUID=1 ro\n",
		"boot/vmlinuz-6.1":                strings.Repeat("linux", 100_000), "boot/initramfs-6.1.img": "initramfs",
	}
	for name, text := range files {
		name = filepath.Join(content, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	disk := filepath.Join(t.TempDir(), "disk.raw")
	output(t, exec.Command("mke2fs", "-q", "-t", "ext4", "-d", content, disk, "64M"))
	agent := filepath.Join(t.TempDir(), "agent")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", agent, "../../cmd/quarry-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	output(t, build)
	images := filepath.Join(root, "9", "BaseOS", "x86_64", "os", "images")
	var inputs resolve.Inputs
	inputs.Kernel.Path, inputs.Initrd.Path = filepath.Join(images, "pxeboot", "vmlinuz"), filepath.Join(images, "pxeboot", "initrd.img")
	inputs.Stage2.Path = filepath.Join(images, "install.img")
	kernel, err := Kernel(t.Context(), KernelSpec{
		Image:   artifact.Image{File: artifact.File{Path: disk}, Format: "raw", Arch: "x86_64"},
		Release: "9", Inputs: inputs, Agent: agent, Accel: vm.TCG, Deadlines: Deadlines(3*time.Minute, 10*time.Minute), Dir: dir, LogDir: t.TempDir(),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kernel.Cmdline != "root=UUID=1 ro" {
		t.Errorf("command line %q", kernel.Cmdline)
	}
	for path, want := range map[string]string{kernel.Path: files["boot/vmlinuz-6.1"], kernel.Initrd.Path: "initramfs"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s holds %d bytes, %v", path, len(got), err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("the folder holds %v", entries)
	}
}
