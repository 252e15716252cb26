package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/publish"
	"github.com/quarry-project/quarry/internal/verify"
)

const someCommit = "0123456789abcdef0123456789abcdef01234567"

// listener hears what is told.
type listener struct {
	*httptest.Server
	statuses []map[string]string // "path" among them
	uploads  map[string]string
	refuse   bool
}

func newListener(t *testing.T) *listener {
	t.Helper()
	l := &listener{uploads: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /repos/{owner}/{repo}/statuses/{commit}", func(w http.ResponseWriter, r *http.Request) {
		status := map[string]string{"path": r.URL.Path}
		if err := json.NewDecoder(r.Body).Decode(&status); err != nil || l.refuse || r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		l.statuses = append(l.statuses, status)
		fmt.Fprint(w, "{}")
	})
	mux.HandleFunc("GET /repos/o/r/releases/tags/nightly", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id":7}`) })
	mux.HandleFunc("GET /repos/o/r/releases/7/assets", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") })
	mux.HandleFunc("POST /repos/o/r/releases/7/assets", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		l.uploads[r.FormValue("name")] = string(b)
		fmt.Fprintf(w, `{"name":%q,"state":"uploaded","size":%d}`, r.FormValue("name"), len(b))
	})
	l.Server = httptest.NewServer(mux)
	t.Cleanup(l.Close)
	return l
}

func (l *listener) get(more ...string) func(string) string {
	env := map[string]string{"GITHUB_TOKEN": "secret", "GITHUB_API_URL": l.URL}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return func(name string) string { return env[name] }
}

func TestTellingOfABuild(t *testing.T) {
	l := newListener(t)
	told, err := tellingFlags{status: "o/r@" + someCommit, attach: "o/r@nightly"}.parse(true,
		l.get("GITHUB_RUN_ID", "12", "GITHUB_SERVER_URL", "https://github.com", "GITHUB_REPOSITORY", "o/r"))
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	report := progress.Func(func(e progress.Event) {
		if e.Kind == progress.Warning {
			warnings = append(warnings, e.Message)
		}
	})
	p := plan.Plan{Distro: "pebble", Release: "9", Image: "GenericCloud", Variant: "Base", Arch: "x86_64"}
	dir := publishedTree(t, "20260101")
	const name = "Pebble-9-GenericCloud-Base-9.6-20260101-x86_64.qcow2"
	out := builders.Outcome{
		Images: []artifact.Image{{}}, Reports: []verify.Report{{}},
		Published: []builders.Destination{{Error: "full"}, {Result: publish.Result{Dir: dir, Items: []publish.Published{{File: name}}}}},
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		ctx         context.Context
		failure     error
		state, text string
	}{
		{t.Context(), nil, "success", "built in 1m0s, 1 of 1 images booted"},
		{t.Context(), &engine.StepError{Step: "fetch", Err: errors.New("secret detail")}, "failure", "failed in the step fetch"},
		{t.Context(), &engine.StepError{Step: "verify", Err: &builders.VerifyError{}}, "failure", "the image did not pass its boots"},
		{t.Context(), errors.New("secret detail"), "error", "could not be built"},
		{ended, errors.New("cancelled"), "error", "interrupted"},
	} {
		l.statuses = nil
		told.began(t.Context(), p, report)
		if err := told.ended(tc.ctx, p, out, time.Minute, tc.failure, report); err != nil {
			t.Error(err)
		}
		if len(l.statuses) != 2 || l.statuses[0]["state"] != "pending" {
			t.Fatalf("told %v, warned %q", l.statuses, warnings)
		}
		last := l.statuses[1]
		if last["state"] != tc.state || last["description"] != tc.text || last["context"] != "quarry/pebble-9-GenericCloud-Base-x86_64" ||
			last["path"] != "/repos/o/r/statuses/"+someCommit || last["target_url"] != "https://github.com/o/r/actions/runs/12" {
			t.Errorf("told %v, want %+v", last, tc)
		}
	}
	if l.uploads[name] != "image of 20260101" || !strings.Contains(l.uploads[name+".CHECKSUM"], "SHA256") || len(l.uploads) != 2 {
		t.Errorf("attached %v", l.uploads)
	}
	l.refuse = true
	told.began(t.Context(), p, report)
	if len(warnings) != 1 || strings.Contains(warnings[0], "secret") {
		t.Errorf("warned %q", warnings)
	}
	out.Published[1].Dir = t.TempDir()
	var step *engine.StepError
	if err := told.ended(t.Context(), p, out, time.Minute, nil, report); !errors.As(err, &step) || step.Step != "attach" {
		t.Errorf("files that are gone: %v", err)
	}
}

func TestTellingOfAKickstartsCommit(t *testing.T) {
	l := newListener(t)
	told, err := tellingFlags{status: "kickstart", url: "https://ci.example.org/1"}.parse(false, l.get())
	if err != nil {
		t.Fatal(err)
	}
	var warnings int
	report := progress.Func(func(progress.Event) { warnings++ })
	of := func(source, commit string) { // builds of nothing that has changed
		p := plan.Plan{Kickstart: plan.Kickstart{Source: source, Commit: commit}}
		if err := told.ended(t.Context(), p, builders.Outcome{}, time.Second, nil, report); err != nil {
			t.Error(err)
		}
	}
	of("https://git.resf.org/sig_core/kickstarts.git", someCommit)
	of("https://github.com/o/mine.git", someCommit)
	if len(l.statuses) != 2 || l.statuses[0]["path"] != "/repos/rocky-linux/kickstarts/statuses/"+someCommit || l.statuses[1]["path"] != "/repos/o/mine/statuses/"+someCommit {
		t.Errorf("told %v", l.statuses)
	}
	for _, told := range l.statuses {
		if told["state"] != "success" || told["description"] != "unchanged since it was published" {
			t.Errorf("told %v", told)
		}
	}
	of("quarry", "")
	if warnings != 1 {
		t.Error("that there is no commit was not told")
	}
}

func TestTellingFlags(t *testing.T) {
	l := newListener(t)
	var usage usageError
	for _, f := range []tellingFlags{
		{status: "o/r"}, {status: "o/r@main"}, {status: "kickstart", url: "javascript:x"}, {status: "kickstart", url: "https://a:b@c/"},
		{attach: "o/r"}, {attach: "o@nightly"}, {attach: "o/r@a/b"},
	} {
		if _, err := f.parse(true, l.get()); !errors.As(err, &usage) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	if _, err := (tellingFlags{attach: "o/r@nightly"}).parse(false, l.get()); !errors.As(err, &usage) {
		t.Errorf("nothing is published: %v", err)
	}
	if _, err := (tellingFlags{status: "kickstart"}).parse(false, func(string) string { return "" }); !errors.As(err, &usage) || !strings.Contains(err.Error(), "QUARRY_GITHUB_TOKEN") {
		t.Errorf("without a token: %v", err)
	}
	told, err := tellingFlags{}.parse(false, l.get())
	if err != nil || told != nil {
		t.Errorf("got %v, %v", told, err)
	}
	told.began(t.Context(), plan.Plan{}, nil)
	if err := told.ended(t.Context(), plan.Plan{}, builders.Outcome{}, 0, nil, nil); err != nil {
		t.Error(err)
	}
}
