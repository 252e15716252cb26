package ui

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/progress"
)

func TestLine(t *testing.T) {
	for name, c := range map[string]struct {
		event   progress.Event
		verbose bool
		want    string // empty: no line
	}{
		"started":        {progress.Event{Kind: progress.Started, Step: "fetch"}, false, "fetch    …"},
		"done":           {progress.Event{Kind: progress.Done, Step: "fetch", Seconds: 2.34}, false, "fetch    done in 2.3 s"},
		"skipped":        {progress.Event{Kind: progress.Skipped, Step: "tree", Message: "unchanged"}, false, "tree     skipped: unchanged"},
		"phase's time":   {progress.Event{Kind: progress.Log, Step: "disk", Phase: "copy", Message: "done", Seconds: 3}, false, "disk     copy done (3.0 s)"},
		"script, quiet":  {progress.Event{Kind: progress.Log, Step: "disk", Phase: "post", Message: "x"}, false, ""},
		"script, -v":     {progress.Event{Kind: progress.Log, Step: "disk", Phase: "post", Message: "x"}, true, "disk     x"},
		"count":          {progress.Event{Kind: progress.Progress, Step: "tree", Phase: "install", Done: 3, Total: 9, Unit: progress.Packages}, false, "tree     install 3/9 packages"},
		"bytes":          {progress.Event{Kind: progress.Progress, Step: "fetch", Phase: "RPMs", Done: 5e6, Total: 10e6, Unit: progress.Bytes}, false, "fetch    RPMs 5.0/10.0 MB (50 %)"},
		"failed":         {progress.Event{Kind: progress.Failed, Step: "disk", Message: "no"}, false, "disk     FAILED: no"},
		"no step at all": {progress.Event{Kind: progress.Log, Message: "hello"}, false, "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := Line(c.event, c.verbose)
			if ok != (c.want != "") || (ok && got != c.want) {
				t.Errorf("got %q, %v; want %q", got, ok, c.want)
			}
		})
	}
}

func TestJSONIsOneObjectALine(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, JSON, false)
	v.Show(progress.Event{Kind: progress.Started, Step: "fetch"})
	v.Show(progress.Event{Kind: progress.Progress, Step: "fetch", Done: 1, Total: 2, Unit: progress.Bytes})
	v.Close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines; want 2:\n%s", len(lines), out.String())
	}
	for _, line := range lines {
		var e progress.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Time.IsZero() || e.Step != "fetch" {
			t.Errorf("line %q: %v, event %+v", line, err, e)
		}
	}
}

func TestPlainThinsOutProgress(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, Plain, false)
	for i := range int64(100) {
		v.Show(progress.Event{Kind: progress.Progress, Step: "fetch", Phase: "RPMs", Done: i + 1, Total: 100, Unit: progress.Packages})
	}
	v.Close()
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines for a hundred events in no time; want the first and the last:\n%s", n, out.String())
	}
}

func TestBarsEndCleanly(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, Bars, false)
	v.Show(progress.Event{Kind: progress.Started, Step: "fetch"})
	v.Show(progress.Event{Kind: progress.Progress, Step: "fetch", Phase: "RPMs", Done: 1, Total: 2, Unit: progress.Packages})
	v.Show(progress.Event{Kind: progress.Failed, Step: "fetch", Message: "no network"})
	v.Close()
	if !strings.Contains(out.String(), "FAILED: no network") {
		t.Errorf("the failure is not shown:\n%s", out.String())
	}
}
