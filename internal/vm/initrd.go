package vm

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/cavaliergopher/cpio"

	"github.com/quarry-project/quarry/internal/durable"
)

// File is a file that is added to an initramfs: Data, or where Path is set the contents of that file of the host.
type File struct {
	Data []byte
	Path string
	Mode fs.FileMode // permissions
}

// Initrd writes to dst the initramfs base and behind it files, by absolute name in the guest, as one more archive in "newc" form.
// The kernel unpacks such archives one after the other, whatever compression each has, where each starts at a multiple of four
// bytes (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). base may be "": there are only the files then. The
// same arguments give the same bytes. dst gets its name only when it is complete, and only its owner can read it: a job may hold
// passwords.
func Initrd(dst, base string, files map[string]File) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("making the initramfs %s: %w", dst, err)
		}
	}()
	out, err := os.CreateTemp(filepath.Dir(dst), "."+filepath.Base(dst)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // gone by then when all is well
	defer out.Close()
	var size int64
	if base != "" {
		if size, err = appendFile(out, base); err != nil {
			return err
		}
	}
	if _, err := out.Write(make([]byte, -size&3)); err != nil {
		return err
	}
	if err := archive(out, files); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return durable.Rename(out.Name(), dst)
}

// archive writes files, and the folders that they are in, in order of their names.
func archive(w io.Writer, files map[string]File) error {
	out := cpio.NewWriter(w)
	made := map[string]bool{"/": true}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !path.IsAbs(name) || path.Clean(name) != name || name == "/" {
			return fmt.Errorf("%q is no absolute name of a file", name)
		}
		if err := folders(out, path.Dir(name), made); err != nil {
			return err
		}
		if err := archiveFile(out, name, files[name]); err != nil {
			return fmt.Errorf("adding %s: %w", name, err)
		}
	}
	return out.Close()
}

// folders writes dir and its parents, where they were not yet made. In the guest one that is there keeps what is in it.
func folders(out *cpio.Writer, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := folders(out, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	return out.WriteHeader(&cpio.Header{Name: dir[1:], Mode: cpio.TypeDir | 0o755})
}

func archiveFile(out *cpio.Writer, name string, f File) error {
	var in io.Reader = bytes.NewReader(f.Data)
	size := int64(len(f.Data))
	if f.Path != "" {
		file, err := os.Open(f.Path)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		in, size = file, info.Size()
	}
	if err := out.WriteHeader(&cpio.Header{Name: name[1:], Mode: cpio.TypeReg | cpio.FileMode(f.Mode.Perm()), Size: size}); err != nil {
		return err
	}
	n, err := io.Copy(out, in)
	if err == nil && n != size {
		err = fmt.Errorf("it changed while it was read")
	}
	return err
}

func appendFile(out io.Writer, path string) (int64, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	return io.Copy(out, in)
}
