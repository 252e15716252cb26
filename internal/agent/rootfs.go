package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/archive"
	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// makeScratch gives a root file system a place to be made in: one file system on the whole drive, whatever the kickstart says of disks,
// as Anaconda does when it installs into a folder.
func (i *installation) makeScratch(ctx context.Context) error {
	if err := i.formatScratch(ctx, i.disk); err != nil {
		return err
	}
	i.contents = []storage.Content{{Device: i.disk, Mount: "/", Type: "ext4"}}
	if err := i.mountEmpty(); err != nil {
		return err
	}
	return os.Remove(filepath.Join(sysImage, "lost+found"))
}

// pour ends a root file system: it is written to the output drive as tar, with labels if the job wants them.
func (i *installation) pour(ctx context.Context) (wire.Result, error) {
	packages, err := i.tidy(ctx, i.job.Labels)
	if err != nil {
		return wire.Result{}, err
	}
	if err := i.detach(); err != nil {
		return wire.Result{}, err
	}
	result := wire.Result{Packages: packages}
	if result.Written, result.Unpacked, err = i.writeTar(ctx); err != nil {
		return wire.Result{}, err
	}
	// Only the output counts: what is on the scratch drive goes with it.
	return result, i.mounts.Unmount()
}

// writeTar writes what was installed to the output drive. It returns the bytes of the archive and those of the files in it.
func (i *installation) writeTar(ctx context.Context) (written, unpacked int64, err error) {
	total := i.job.Tree.Unpacked
	return i.stream(ctx, sysImage, archive.Options{
		// The kernel's own. /run is written as it is: it is empty, unless a script has unmounted it to leave files there, as upstream's do.
		Empty:    []string{"proc", "sys", "dev"},
		Labels:   i.job.Labels,
		Progress: func(done int64) { i.report.Progress(done, max(done, total), "bytes") },
	})
}

// stream writes a folder to the output drive as tar. It returns the bytes of the archive and those of the files in it.
func (w *worker) stream(ctx context.Context, dir string, options archive.Options) (written, unpacked int64, err error) {
	output, err := boot.Drive(ctx, wire.Output)
	if err != nil {
		return 0, 0, err
	}
	f, err := os.OpenFile(output, os.O_WRONLY, 0)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	counter := &counting{out: f}
	buffer := bufio.NewWriterSize(counter, 1<<20)
	stats, err := archive.Write(ctx, dir, buffer, options)
	if err = errors.Join(err, buffer.Flush()); errors.Is(err, unix.ENOSPC) {
		err = fmt.Errorf("the output drive is too small for the files, which may be sparse: enlarge disk.size in the pipeline: %w", err)
	}
	if err = errors.Join(err, f.Sync()); err != nil {
		return 0, 0, fmt.Errorf("write %s as tar: %w", dir, err)
	}
	for _, name := range stats.Skipped {
		w.report.Logf("/%s is a device or a socket, which the archive leaves out", name)
	}
	w.report.Logf("wrote %d files, %d MiB of tar", stats.Entries, counter.n/storage.MiB)
	return counter.n, stats.Bytes, nil
}

// counting counts what is written through it.
type counting struct {
	out io.Writer
	n   int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.n += int64(n)
	return n, err
}
