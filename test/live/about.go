package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/squash"
	"github.com/quarry-project/quarry/test/timings"
)

// about says what came out of one build, copies its pictures, and squashes its root once more with mksquashfs alone.
func (o options) about(ctx context.Context, s selector, r timings.Result) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", s)
	for _, image := range r.Images {
		fmt.Fprintf(&b, "  %s, %s\n", filepath.Base(image.Path), units.BytesSize(float64(image.Size)))
	}
	for _, report := range r.Reports {
		for _, boot := range report.Boots {
			fmt.Fprintf(&b, "  %s\n", saw(boot))
			for _, shot := range boot.Screenshots {
				name := strings.ReplaceAll(filepath.Join(s.String(), shot.File), "/", "-") // boots have pictures of the same name
				to := filepath.Join(o.dir, "screens", name)
				picture, err := os.ReadFile(filepath.Join(r.Logs, "verify-iso", shot.File))
				if err != nil {
					return b.String(), err
				}
				if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), durable.WriteFile(to, picture)); err != nil {
					return b.String(), err
				}
				fmt.Fprintf(&b, "    %s\n", to)
			}
		}
	}
	text, err := o.alone(ctx, s, r)
	return b.String() + text, err
}

// saw says what a boot showed.
func saw(boot timings.Boot) string {
	verdict := "passed"
	if !boot.Passed {
		verdict = "FAILED"
	}
	var parts []string
	for _, c := range boot.Checks {
		mark := ""
		if !c.Passed {
			mark = "not "
		}
		parts = append(parts, mark+c.Name)
	}
	text := fmt.Sprintf("boot %s: %s in %.0f s", boot.Name(), verdict, boot.Seconds)
	for _, more := range []struct{ what, text string }{
		{"checks", strings.Join(parts, ", ")}, {"logged in", strings.Join(boot.Users, ", ")}, {"not seen", boot.NotSeen}, {"error", boot.Error},
	} {
		if more.text != "" {
			text += "; " + more.what + ": " + more.text
		}
	}
	return text
}

// alone times mksquashfs on the root that was squashed, where the step has run just now, with the arguments that change what is written.
func (o options) alone(ctx context.Context, s selector, r timings.Result) (string, error) {
	step := func(name string) (timings.Timed, bool) {
		i := slices.IndexFunc(r.Steps, func(t timings.Timed) bool { return t.Step == name })
		if i < 0 {
			return timings.Timed{}, false
		}
		return r.Steps[i], true
	}
	packed, ok := step("squash")
	root, made := step("root")
	if !ok || !made || packed.Skipped {
		return "  the squashed root was there already: nothing to compare\n", nil
	}
	folder := filepath.Join(root.Dir, "root")
	if _, err := os.Stat(folder); err != nil {
		return "  the root is a tar: nothing to compare\n", nil //nolint:nilerr // that is what its absence says
	}
	compression := ""
	for _, p := range r.Phases {
		if p.Step == "squash" {
			compression = p.Name
		}
	}
	out := filepath.Join(o.dir, "alone.img")
	defer os.Remove(out)
	packing, err := squash.Options{Compression: compression, Arch: s.arch}.Args()
	if err != nil {
		return "", err
	}
	args := append([]string{folder, out, "-noappend", "-no-progress", "-all-root"}, packing...)
	start := time.Now()
	if text, err := exec.CommandContext(ctx, "mksquashfs", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("mksquashfs: %w: %s", err, text)
	}
	seconds := time.Since(start).Seconds()
	return fmt.Sprintf("  squash: %.1f s, mksquashfs alone %.1f s (×%.2f)\n", packed.Seconds, seconds, packed.Seconds/seconds), nil
}
