// Package qemuimg calls QEMU's qemu-img: what a disk image is, whether it is sound, and making one from another. It decides no names,
// formats or sizes; those are the rooms' that call it. Formats are always said and never guessed from content: a raw disk may begin with
// anything, also with the header of a qcow2 that names a file of the host.
package qemuimg

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/quarry-project/quarry/internal/command"
)

const program = "qemu-img"

// Info is what an image says of itself.
type Info struct {
	Format      string `json:"format"`       // QEMU's name: "raw", "qcow2"
	VirtualSize int64  `json:"virtual-size"` // bytes
	ActualSize  int64  `json:"actual-size"`  // bytes on the host's disk
	Backing     string `json:"backing-filename"`
	Specific    struct {
		Data struct {
			Compression string `json:"compression-type"`
			DataFile    string `json:"data-file"`
		} `json:"data"`
	} `json:"format-specific"`
}

// Read asks for the info of the image at path, which is of the format.
func Read(ctx context.Context, path, format string) (Info, error) {
	out, err := command.Output(ctx, command.Cmd{Args: []string{program, "info", "--output=json", "-f", format, "--", path}})
	if err != nil {
		return Info{}, fmt.Errorf("reading the %s image %s: %w", format, path, err)
	}
	var info Info
	if err := json.Unmarshal(out, &info); err != nil {
		return Info{}, fmt.Errorf("reading qemu-img's description of %s: %w", path, err)
	}
	return info, nil
}

// Alone is an error if the image takes bytes from other files of the host: an image from elsewhere could so show the guest any file
// that this user may read.
func (i Info) Alone() error {
	if i.Backing != "" {
		return fmt.Errorf("the image is only the difference to another file, %q: flatten it with qemu-img convert", i.Backing)
	}
	if i.Specific.Data.DataFile != "" {
		return fmt.Errorf("the image keeps its data in another file, %q: flatten it with qemu-img convert", i.Specific.Data.DataFile)
	}
	return nil
}

// Check looks for errors and leaks in the structure of an image. Formats without a structure, such as raw, have nothing to check.
func Check(ctx context.Context, path, format string) error {
	if format == "raw" {
		return nil
	}
	if err := command.Run(ctx, command.Cmd{Args: []string{program, "check", "-q", "-f", format, "--", path}}); err != nil {
		return fmt.Errorf("checking the %s image %s: %w", format, path, err)
	}
	return nil
}

// Create makes an empty image of size bytes.
func Create(ctx context.Context, path, format string, size int64) error {
	args := []string{program, "create", "-q", "-f", format, "--", path, strconv.FormatInt(size, 10)}
	if err := command.Run(ctx, command.Cmd{Args: args}); err != nil {
		return fmt.Errorf("making the %s image %s of %d bytes: %w", format, path, size, err)
	}
	return nil
}

// Overlay makes a qcow2 at path that holds the changes to base, an absolute path. Size is bytes and at least base's.
func Overlay(ctx context.Context, path, base, baseFormat string, size int64) error {
	args := []string{program, "create", "-q", "-f", "qcow2", "-F", baseFormat, "-b", base, "--", path, strconv.FormatInt(size, 10)}
	if err := command.Run(ctx, command.Cmd{Args: args}); err != nil {
		return fmt.Errorf("making an overlay of %s: %w", base, err)
	}
	return nil
}
