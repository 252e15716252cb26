package iso

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/digest"
)

// efiLabel is the name of the file system that UEFI reads.
const efiLabel = "ANACONDA"

// mebibyte is what the size of that file system is a multiple of.
const mebibyte = 1 << 20

// efiSize is how large a FAT file system has to be for files of these sizes: clusters of 4 KiB at most, the tables, and the folders.
func efiSize(sizes []int64) int64 {
	const cluster = 4096
	var sum int64
	for _, n := range sizes {
		sum += (n + cluster - 1) / cluster * cluster
	}
	sum += sum/256 + mebibyte/2
	return (sum + mebibyte - 1) / mebibyte * mebibyte
}

// makeEFI writes the file system that UEFI starts from to out, with mtools. tree is a folder whose only entry is the folder EFI; all in it has
// the time at already.
func makeEFI(ctx context.Context, tree, out string, at time.Time) error {
	var sizes []int64
	err := filepath.Walk(tree, func(_ string, info os.FileInfo, err error) error {
		if err == nil {
			sizes = append(sizes, info.Size())
		}
		return err
	})
	if err != nil {
		return err
	}
	size := efiSize(sizes)
	sum := digest.Bytes([]byte("quarry efi\n" + at.UTC().String()))
	serial := fmt.Sprintf("%08x", binary.BigEndian.Uint32([]byte(sum.Hex())))
	for _, args := range efiArgs(tree, out, size, serial) {
		c := command.Cmd{Args: args, Env: fixedEnv(at)}
		if err := run(ctx, c); err != nil {
			return fmt.Errorf("making the file system for UEFI: %w", err)
		}
	}
	return nil
}

// efiArgs are mtools' command lines: a new FAT file system, and the folder copied into it with its times.
func efiArgs(tree, out string, size int64, serial string) [][]string {
	return [][]string{
		{"mformat", "-C", "-i", out, "-T", strconv.FormatInt(size/512, 10), "-h", "64", "-s", "32", "-N", serial, "-v", efiLabel, "::"},
		{"mcopy", "-i", out, "-s", "-m", "-Q", filepath.Join(tree, "EFI"), "::/"},
	}
}

// fixedEnv is this process's environment with the time standing still for mtools and xorriso, and no time zone: both write local time.
func fixedEnv(at time.Time) []string {
	var env []string
	for _, e := range os.Environ() {
		switch name, _, _ := strings.Cut(e, "="); name {
		case "SOURCE_DATE_EPOCH", "TZ", "LC_ALL", "MTOOLSRC", "MTOOLS_SKIP_CHECK":
		default:
			env = append(env, e)
		}
	}
	return append(env, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", at.Unix()), "TZ=UTC", "LC_ALL=C", "MTOOLSRC=/dev/null", "MTOOLS_SKIP_CHECK=1")
}

// efiTree copies the folder EFI to tree, everything with the image's time.
func (w *work) efiTree(tree string) error {
	var made []string
	for _, it := range w.items {
		if !strings.HasPrefix(it.path, efiFolder+"/") {
			continue
		}
		to := filepath.Join(tree, filepath.FromSlash(it.path))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile(to, it.source); err != nil {
			return err
		}
		made = append(made, to)
		for folder := path.Dir(it.path); folder != "."; folder = path.Dir(folder) {
			made = append(made, filepath.Join(tree, folder))
		}
	}
	for _, name := range made {
		if err := os.Chtimes(name, w.spec.Time, w.spec.Time); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
