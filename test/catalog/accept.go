package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// accept has other people's programs read a published file and says which of them took it; the first that doesn't is an error. They share no
// code with quarry's own checks, but for qemu-img and xz.
func accept(ctx context.Context, format, path, dir string) (string, error) {
	work, err := os.MkdirTemp(dir, "accept-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	by, err := run(ctx, programs(format, path, work))
	if err != nil {
		return "", err
	}
	more, err := inside(ctx, format, work)
	return strings.Join(append(by, more...), ", "), err
}

// run runs programs one after the other and says what they are; what fails ends it.
func run(ctx context.Context, commands [][]string) (by []string, err error) {
	for _, args := range commands {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", title(args), err, strings.TrimSpace(string(out[max(0, len(out)-300):])))
		}
		by = append(by, title(args))
	}
	return by, nil
}

// programs are the command lines that read a file; work is a folder that they may fill.
func programs(format, path, work string) [][]string {
	switch format {
	case "qcow2", "vmdk":
		return [][]string{{"qemu-img", "check", "-q", "-f", format, path}, {"qemu-img", "info", "-f", format, path}}
	case "vhd":
		return [][]string{{"qemu-img", "info", "-f", "vpc", path}} // which knows no check of it
	case "raw":
		return [][]string{{"qemu-img", "info", "-f", "raw", path}}
	case "raw.xz":
		return [][]string{{"xz", "-t", "-T0", path}}
	case "raw.zst":
		return [][]string{{"zstd", "-t", "-q", path}}
	case "tar.xz":
		return [][]string{{"xz", "-t", "-T0", path}, {"tar", "-tf", path}}
	case "wsl":
		return [][]string{{"gzip", "-t", "-S", ".wsl", path}, {"tar", "-tzf", path}}
	case "oci.tar", "box":
		return [][]string{{"tar", "-tf", path}, {"tar", "-xf", path, "-C", work}}
	}
	return nil
}

// title is what people call a command line: the program and what it was asked to do.
func title(args []string) string {
	if args[0] == "tar" {
		return "tar " + strings.TrimRight(strings.TrimLeft(args[1], "-"), "zf")
	}
	return args[0] + " " + args[1]
}

// inside looks at what an archive that was unpacked into dir holds.
func inside(ctx context.Context, format, dir string) ([]string, error) {
	var runs [][]string
	switch format {
	case "oci.tar":
		tags, err := exec.CommandContext(ctx, "umoci", "ls", "--layout", dir).Output()
		if err != nil {
			return nil, fmt.Errorf("umoci ls: %w", err)
		}
		image := dir + ":" + strings.TrimSpace(string(tags))
		// Afterwards folders that nobody may write get a mode that lets them be removed.
		defer func() { _ = exec.CommandContext(ctx, "chmod", "-R", "u+rwX", dir).Run() }()
		runs = [][]string{{"umoci", "stat", "--image", image}, {"umoci", "unpack", "--rootless", "--image", image, filepath.Join(dir, "bundle")}}
	case "box":
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil || e.IsDir():
			case strings.HasSuffix(path, ".vmdk"):
				runs = append(runs, programs("vmdk", path, "")...)
			case e.Name() == "box.img":
				runs = append(runs, programs("qcow2", path, "")...)
			}
			return err
		})
		if err == nil && len(runs) == 0 {
			err = errors.New("there is no disk in the box")
		}
		if err != nil {
			return nil, err
		}
	}
	return run(ctx, runs)
}
