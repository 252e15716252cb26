package iso

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/progress"
)

// write runs xorriso.
func (w *work) write(ctx context.Context, image string) error {
	list := filepath.Join(w.dir, "files")
	if err := os.WriteFile(list, []byte(graft(w.items)), 0o644); err != nil {
		return err
	}
	var largest int64
	for _, it := range w.items {
		info, err := os.Stat(it.source)
		if err != nil {
			return err
		}
		largest = max(largest, info.Size())
	}
	c := command.Cmd{
		Args: args(w.spec, w.place, w.efi, list, image, largest), Env: fixedEnv(w.spec.Time),
		Stderr: &percentWriter{report: func(percent float64) { w.report.Count("iso", int64(percent), 100, progress.Percent) }},
	}
	w.report.Count("iso", 0, 100, progress.Percent)
	if err := run(ctx, c); err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	w.report.Count("iso", 100, 100, progress.Percent)
	return nil
}

// run runs a program; where the host has none, the error says what to do.
func run(ctx context.Context, c command.Cmd) error {
	err := command.Run(ctx, c)
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: quarry doctor says how to install it", err)
	}
	return err
}

// percent finds how far xorriso is in "xorriso : UPDATE :  12.34% done".
var percent = regexp.MustCompile(`(\d+(?:\.\d+)?)% done`)

// percentWriter reads what xorriso says and reports the percentages in it.
type percentWriter struct {
	report func(float64)
	rest   []byte // of a line
}

func (w *percentWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		end := bytes.IndexAny(w.rest, "\r\n")
		if end < 0 {
			break
		}
		if m := percent.FindSubmatch(w.rest[:end]); m != nil {
			if value, err := strconv.ParseFloat(string(m[1]), 64); err == nil && value <= 100 {
				w.report(value)
			}
		}
		w.rest = w.rest[end+1:]
	}
	if len(w.rest) > 4096 { // no line of xorriso's
		w.rest = nil
	}
	return len(b), nil
}
