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

func TestSeveralBuilds(t *testing.T) {
	events := []progress.Event{
		{Kind: progress.Log, Message: "two builds"},
		{Kind: progress.Started, Build: "a-x86_64", Step: "fetch"},
		{Kind: progress.Progress, Build: "a-x86_64", Step: "fetch", Phase: "RPMs", Done: 5, Total: 9, Unit: progress.Packages},
		{Kind: progress.Progress, Build: "a-aarch64", Step: "fetch", Phase: "RPMs", Done: 5, Total: 9, Unit: progress.Packages},
		{Kind: progress.Done, Build: "a-x86_64", Step: "fetch", Seconds: 1},
		{Kind: progress.Failed, Build: "a-aarch64", Step: "fetch", Message: "no network"},
		{Kind: progress.Failed, Build: "a-aarch64", Message: "fetch: no network"},
		{Kind: progress.Done, Build: "a-x86_64", Seconds: 2},
	}
	for name, c := range map[string]struct {
		mode Mode
		want []string
	}{
		"plain": {Plain, []string{
			"two builds\n", "a-x86_64  fetch    …\n", "a-x86_64  fetch    RPMs 5/9 packages\n", "a-aarch64  fetch    RPMs 5/9 packages\n",
			"a-x86_64   fetch    done in 1.0 s\n", "a-aarch64  FAILED: fetch: no network\n", "a-x86_64   done in 2.0 s\n",
		}},
		"bars": {Bars, []string{"two builds", "a-aarch64  fetch    FAILED: no network", "a-x86_64   done in 2.0 s"}},
		"JSON": {JSON, []string{`"build":"a-aarch64","step":"fetch","phase":"RPMs"`}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			v := New(&out, c.mode, false)
			for _, e := range events {
				v.Show(e)
			}
			v.Close()
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
		})
	}
}

// A build's bar says what the build does.
func TestBarText(t *testing.T) {
	for want, e := range map[string]progress.Event{
		" disk":                         {Kind: progress.Started, Build: "a", Step: "disk"},
		" disk copy 5/9 packages":       {Kind: progress.Progress, Build: "a", Step: "disk", Phase: "copy", Done: 5, Total: 9, Unit: progress.Packages},
		" 5/9 packages":                 {Kind: progress.Progress, Step: "disk", Phase: "copy", Done: 5, Total: 9, Unit: progress.Packages},
		" fetch RPMs 5.0/9.0 MB (55 %)": {Kind: progress.Progress, Build: "a", Step: "fetch", Phase: "RPMs", Done: 5e6, Total: 9e6, Unit: progress.Bytes},
	} {
		if got := (&bar{last: e}).text(); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}
