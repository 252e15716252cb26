package matrix

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quarry-project/quarry/test/golden"
)

func builds(archs ...string) (all []Build) {
	for _, a := range archs {
		all = append(all, Build{Distro: "rocky", Release: "9", Image: "GenericCloud", Variant: "Base", Arch: a})
	}
	return all
}

func TestRunGoesOnPastFailures(t *testing.T) {
	var now, most atomic.Int32
	var mu sync.Mutex
	begun := map[int]string{}
	results := Run(t.Context(), builds("a", "b", "c", "d", "e"), 2, func(_ context.Context, i int, b Build) Result {
		n := now.Add(1)
		defer now.Add(-1)
		mu.Lock()
		begun[i] = b.Arch
		most.Store(max(most.Load(), n))
		mu.Unlock()
		if b.Arch == "b" {
			return Result{State: Failed, Error: "boom"}
		}
		return Result{State: Built}
	})
	if most.Load() > 2 || len(begun) != 5 || begun[4] != "e" {
		t.Errorf("%d at once, begun %v", most.Load(), begun)
	}
	for i, r := range results {
		want := Built
		if i == 1 {
			want = Failed
		}
		if r.State != want || r.Arch != string('a'+byte(i)) || !strings.HasPrefix(r.Name, "rocky-9-GenericCloud-Base-") || r.Started.IsZero() {
			t.Errorf("result %d: %+v", i, r)
		}
	}
}

func TestRunBeginsNothingOnceItIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	results := Run(ctx, builds("a", "b", "c"), 1, func(context.Context, int, Build) Result {
		cancel()
		return Result{State: Interrupted, Error: "stopped"}
	})
	for i, r := range results {
		if r.State != Interrupted || r.Name == "" || (r.Error == "stopped") != (i == 0) {
			t.Errorf("result %d: %+v", i, r)
		}
	}
}

// example has a build in every state, with words that a table and XML could stumble over.
func example() Report {
	all := builds("x86_64", "aarch64", "ppc64le", "s390x", "riscv64")
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	of := func(i int, r Result) Result {
		r.Name, r.Build, r.Started, r.Seconds = all[i].Name(), all[i], started, float64(100*i)+0.25
		return r
	}
	return Report{Name: "nightly", Started: started, Seconds: 512.5, Builds: []Result{
		of(0, Result{State: Built, Published: []string{"/srv/out/a.qcow2", "/srv/out/a.raw.xz"}, Logs: "/logs/a", Images: []File{{Path: "/w/a.qcow2", Format: "qcow2", Size: 7, Digest: "sha256:00"}}}),
		of(1, Result{State: Unchanged, Reasons: []string{"the same as Rocky-9.qcow2"}}),
		of(2, Result{State: Failed, Error: "disk: <kernel> \x1b[31mpanicked\x1b[0m\nsecond & line", Logs: "/logs/c"}),
		of(3, Result{State: Refused, Error: "verify: " + strings.Repeat("very ", 60) + "bad", Logs: "/logs/d"}),
		of(4, Result{State: Interrupted}),
	}}
}

func TestReportForPeople(t *testing.T) {
	golden.Equal(t, "report.txt", example().Text())
	if got := (Report{}).Text(); !strings.Contains(got, "nothing to build") {
		t.Errorf("an empty report says %q", got)
	}
}

func TestReportForCI(t *testing.T) {
	data, err := example().junit()
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "junit.xml", string(data))
	path := filepath.Join(t.TempDir(), "junit.xml")
	if err := example().SaveJUnit(path); err != nil {
		t.Fatal(err)
	}
	var back junitSuite
	saved, err := os.ReadFile(path)
	if err != nil || xml.Unmarshal(saved, &back) != nil || back.Tests != 5 || back.Failures != 1 || back.Errors != 2 || back.Skipped != 1 {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestReportForPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	want := example()
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "report.json", string(data))
	var got Report
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back %+v, %v", got, err)
	}
}
