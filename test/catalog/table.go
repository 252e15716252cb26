package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/docker/go-units"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/verify"
)

// row is one image file, or one image that came to none.
type row struct {
	image, arch, format string
	size                int64 // bytes
	seconds             float64
	saw                 string
}

// read makes rows of a run's report and of the records that its builds left beside their logs.
func read(path string) ([]row, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report matrix.Report
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var rows []row
	for _, b := range report.Builds {
		r := row{image: strings.Trim(b.Image+"-"+b.Variant, "-"), arch: b.Arch, seconds: b.Seconds}
		if len(b.Images) == 0 {
			first, _, _ := strings.Cut(b.Error, "\n")
			r.saw = string(b.State) + ": " + first
			rows = append(rows, r)
			continue
		}
		var outcome builders.Outcome
		if data, err := os.ReadFile(filepath.Join(b.Logs, "build.json")); err == nil {
			if err := json.Unmarshal(data, &outcome); err != nil {
				return rows, fmt.Errorf("%s: %w", b.Logs, err)
			}
		}
		for i, img := range b.Images {
			r.format, r.size, r.saw = img.Format, img.Size, saw(outcome.Reports, img.Digest)
			if i > 0 {
				r.seconds = 0 // of the whole build, said once
			}
			if r.saw == "" {
				r.saw = strings.TrimSpace(string(b.State) + " " + b.Error)
			}
			rows = append(rows, r)
		}
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

func table(rows []row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "image\tarch\tformat\tsize\tseconds\tverify saw")
	for _, r := range rows {
		size, seconds := "", ""
		if r.size > 0 {
			size = units.BytesSize(float64(r.size))
		}
		if r.seconds > 0 {
			seconds = fmt.Sprintf("%.0f", r.seconds)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.image, r.arch, r.format, size, seconds, r.saw)
	}
	_ = w.Flush() // the writer is in memory
	return b.String()
}
