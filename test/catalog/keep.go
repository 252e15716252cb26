package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/verify"
)

// row is one image file, or one image that came to none.
type row struct {
	Image, Arch, Format string
	Size                int64 // bytes
	Digest              string
	Seconds             float64 // of the whole build; the rows of its other files have none
	Saw                 string  // by verify, or the reason why there is no file
	Accepted            string  // by these programs
}

// keeper keeps the rows of builds in a folder, a file for each.
type keeper struct{ dir string }

// add keeps what a run's report and the records that its builds left beside their logs say.
func (k keeper) add(ctx context.Context, report string) error {
	data, err := os.ReadFile(report)
	if err != nil {
		return err
	}
	var run matrix.Report
	if err := json.Unmarshal(data, &run); err != nil {
		return fmt.Errorf("%s: %w", report, err)
	}
	if err := os.MkdirAll(k.dir, 0o755); err != nil {
		return err
	}
	var failed error
	for _, b := range run.Builds {
		if b.State == matrix.Interrupted {
			continue // another run says what becomes of it
		}
		rows, err := k.rows(ctx, b)
		failed = errors.Join(failed, err)
		if data, err = json.MarshalIndent(rows, "", "  "); err == nil {
			err = os.WriteFile(k.file(b), data, 0o644)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func (k keeper) file(b matrix.Result) string { return filepath.Join(k.dir, b.Name+".json") }

// rows makes the rows of one build. A program that refuses a file is an error, and stands in its row too.
func (k keeper) rows(ctx context.Context, b matrix.Result) (rows []row, failed error) {
	r := row{Image: strings.Trim(b.Image+"-"+b.Variant, "-"), Arch: b.Arch, Seconds: b.Seconds}
	before, err := read(k.file(b))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if len(b.Images) == 0 {
		if !b.State.Bad() && len(before) > 0 { // nothing has changed since then
			return before, nil
		}
		first, _, _ := strings.Cut(b.Error, "\n")
		r.Saw = string(b.State) + ": " + first
		return []row{r}, nil
	}
	var outcome builders.Outcome
	if data, err := os.ReadFile(filepath.Join(b.Logs, "build.json")); err == nil {
		if err := json.Unmarshal(data, &outcome); err != nil {
			return nil, fmt.Errorf("%s: %w", b.Logs, err)
		}
	}
	for i, img := range b.Images {
		r.Format, r.Size, r.Digest, r.Saw = img.Format, img.Size, img.Digest, saw(outcome.Reports, img.Digest)
		if i < len(before) && before[i].Digest == r.Digest && before[i].Format == r.Format {
			r.Seconds = max(r.Seconds, before[i].Seconds) // this time steps were taken from then
		}
		if i > 0 {
			r.Seconds = 0
		}
		if r.Saw == "" {
			r.Saw = strings.TrimSpace(string(b.State) + " " + b.Error)
		}
		if r.Accepted, err = accept(ctx, img.Format, img.Path, k.dir); err != nil {
			r.Accepted = "not by " + err.Error()
			failed = errors.Join(failed, fmt.Errorf("%s: %w", filepath.Base(img.Path), err))
		}
		rows = append(rows, r)
	}
	return rows, failed
}

// all are the rows that are kept, sorted by the names of their builds.
func (k keeper) all() (rows []row, err error) {
	names, err := filepath.Glob(filepath.Join(k.dir, "*.json"))
	for _, name := range names {
		more, readErr := read(name)
		rows, err = append(rows, more...), errors.Join(err, readErr)
	}
	return rows, err
}

func read(path string) (rows []row, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, nil
}

// saw says what the report on a file claims.
func saw(reports []verify.Report, digest string) string {
	var parts []string
	for _, r := range reports {
		if string(r.Image.Digest) != digest {
			continue
		}
		if n := len(r.File); n > 0 {
			parts = append(parts, fmt.Sprintf("file %s", verdict(r.File)))
		}
		for _, b := range r.Boots {
			text := fmt.Sprintf("%s %s", b.Name(), verdict(b.Checks))
			if b.Method != "" && string(b.Method) != b.Name() {
				text = string(b.Method) + " " + text
			}
			if b.By != "" {
				text += " (" + b.By + ")"
			}
			if b.Error != "" {
				first, _, _ := strings.Cut(b.Error, "\n")
				text += ": " + first
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

func verdict(checks []verify.Check) string {
	good := 0
	var bad []string
	for _, c := range checks {
		if c.Passed {
			good++
		} else {
			bad = append(bad, c.Name)
		}
	}
	if len(bad) > 0 {
		return fmt.Sprintf("%d/%d, not %s", good, len(checks), strings.Join(bad, " "))
	}
	return fmt.Sprintf("%d/%d", good, len(checks))
}
