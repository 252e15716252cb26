package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/forge"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/source"
)

// repo is a real repository with two images, one of which includes a file.
type repo struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T) repo {
	t.Helper()
	r := repo{t, t.TempDir()}
	r.git("init", "--quiet", "--initial-branch=r9")
	r.commit("first", map[string]string{"a.ks": "text\n", "b.ks": "%include common.inc\ntext\n", "common.inc": "lang en_US\n", "README": "x"})
	return r
}

func (r repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", append([]string{"-c", "user.name=Jane", "-c", "user.email=t@example.invalid", "-C", r.dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repo) commit(message string, files map[string]string) string {
	r.t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "--quiet", "-m", message)
	return r.git("rev-parse", "HEAD")
}

func (r repo) branch() Branch {
	image := func(name, ks string) Image {
		return Image{Name: name, Architectures: []string{"x86_64"}, Kickstart: ks, Version: kickstart.RHEL9}
	}
	return Branch{
		Source: source.Source{Name: "test"}, Branch: "r9", Override: r.dir,
		Images: []Image{image("A", "a.ks"), image("B", "b.ks"), image("Missing", "missing.ks")},
	}
}

// hub is GitHub's API over the repository, whose answers git makes.
func (r repo) hub(t *testing.T) *forge.Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/o/r/commits/heads/r9", func(w http.ResponseWriter, q *http.Request) {
		tip := r.git("rev-parse", "r9")
		if q.Header.Get("If-None-Match") == `"`+tip+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, tip)
	})
	mux.HandleFunc("GET /repos/o/r/commits", func(w http.ResponseWriter, q *http.Request) {
		id := r.git("log", "-1", "--format=%H", "--until="+q.FormValue("until"), q.FormValue("sha"))
		if id == "" {
			fmt.Fprint(w, "[]")
			return
		}
		fmt.Fprintf(w, `[{"sha":%q}]`, id)
	})
	mux.HandleFunc("GET /repos/o/r/compare/{range}", func(w http.ResponseWriter, q *http.Request) {
		from, to, _ := strings.Cut(q.PathValue("range"), "...")
		if exec.CommandContext(q.Context(), "git", "-C", r.dir, "cat-file", "-e", from).Run() != nil {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "{}")
			return
		}
		type object = map[string]any
		answer := object{"status": "diverged"}
		switch base := r.git("merge-base", from, to); base {
		case from:
			answer["status"] = "ahead"
		case to:
			answer["status"] = "behind"
		}
		var commits, files []object
		for id := range strings.FieldsSeq(r.git("rev-list", "--reverse", from+".."+to)) {
			commits = append(commits, object{"sha": id, "html_url": "https://x/" + id, "commit": object{
				"message": r.git("log", "-1", "--format=%B", id), "author": object{"name": "Jane"},
			}})
		}
		for name := range strings.FieldsSeq(r.git("diff", "--name-only", from+"..."+to)) {
			files = append(files, object{"filename": name})
		}
		answer["commits"], answer["files"] = commits, files
		_ = json.NewEncoder(w).Encode(answer)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client, err := forge.New(forge.Options{API: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// both runs a test with git alone and with GitHub.
func both(t *testing.T, test func(t *testing.T, r repo, w Watcher)) {
	t.Run("git", func(t *testing.T) { test(t, newRepo(t), Watcher{CacheDir: t.TempDir()}) })
	t.Run("github", func(t *testing.T) {
		r := newRepo(t)
		test(t, r, Watcher{
			CacheDir: t.TempDir(), GitHub: r.hub(t), Only: true,
			find: func(address string) (forge.Repository, bool) {
				return forge.Repository{Owner: "o", Name: "r"}, address == r.dir
			},
		})
	})
}

// touched are the images of a change: "NAME:FILE,…", with a "=" in front when the text stayed the same.
func touched(c Change) string {
	var all []string
	for _, i := range c.Images {
		same := ""
		if !i.Changed {
			same = "="
		}
		all = append(all, same+i.Name+":"+strings.Join(i.Files, ","))
	}
	return strings.Join(all, " ")
}

func TestWhatCommitsTouch(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a kickstart":         {map[string]string{"a.ks": "graphical\n"}, "A:a.ks"},
		"an include":          {map[string]string{"common.inc": "lang de_DE\n"}, "B:common.inc"},
		"both":                {map[string]string{"a.ks": "graphical\n", "common.inc": "lang de_DE\n"}, "A:a.ks B:common.inc"},
		"neither":             {map[string]string{"README": "y", "other.ks": "text\n"}, ""},
		"a new include":       {map[string]string{"a.ks": "%include new.inc\n", "new.inc": "text\n"}, "=A:a.ks,new.inc"},
		"it can't be read":    {map[string]string{"a.ks": "%include none.inc\n"}, "A:a.ks"},
		"a kickstart appears": {map[string]string{"missing.ks": "text\n"}, "Missing:missing.ks"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, r repo, w Watcher) {
				first, err := w.Look(t.Context(), r.branch(), "")
				if err != nil || !first.First || first.To != r.git("rev-parse", "HEAD") || len(first.Images) > 0 {
					t.Fatalf("the first look: %+v, %v", first, err)
				}
				if c, err := w.Look(t.Context(), r.branch(), first.To); err != nil || c.To != first.To || c.First || len(c.Commits) > 0 {
					t.Fatalf("nothing new: %+v, %v", c, err)
				}
				tip := r.commit("second\n\nmore", tc.files)
				c, err := w.Look(t.Context(), r.branch(), first.To)
				if err != nil || c.From != first.To || c.To != tip || touched(c) != tc.want || c.Rewritten {
					t.Errorf("got %q, %+v, %v; want %q", touched(c), c, err, tc.want)
				}
				if len(c.Commits) != 1 || c.Commits[0].ID != tip || c.Commits[0].Subject != "second" || c.Commits[0].Author != "Jane" {
					t.Errorf("commits %+v", c.Commits)
				}
			})
		})
	}
}

func TestRewrittenBranch(t *testing.T) {
	both(t, func(t *testing.T, r repo, w Watcher) {
		base := r.git("rev-parse", "HEAD")
		old := r.commit("to be forgotten", map[string]string{"a.ks": "graphical\n"})
		if _, err := w.Look(t.Context(), r.branch(), old); err != nil {
			t.Fatal(err)
		}
		r.git("reset", "--quiet", "--hard", base)
		// A mirror that lags behind looks just so: nothing is new, and what was seen stays seen.
		if c, err := w.Look(t.Context(), r.branch(), old); err != nil || c.To != old || len(c.Images) > 0 {
			t.Errorf("got %+v, %v", c, err)
		}
		r.commit("another", map[string]string{"common.inc": "lang de_DE\n"})
		c, err := w.Look(t.Context(), r.branch(), old)
		// What the forgotten commit had changed is another way round now.
		if err != nil || !c.Rewritten || touched(c) != "A:a.ks B:common.inc" || len(c.Commits) != 1 {
			t.Errorf("got %q, %+v, %v", touched(c), c, err)
		}
		c, err = w.Look(t.Context(), r.branch(), strings.Repeat("a", 40))
		if err != nil || !c.Rewritten || len(c.Images) != 3 || c.To == c.From {
			t.Errorf("an unknown commit: %+v, %v", c, err)
		}
	})
}

func TestSince(t *testing.T) {
	both(t, func(t *testing.T, r repo, w Watcher) {
		t.Setenv("GIT_COMMITTER_DATE", "2030-01-01T00:00:00Z")
		r.commit("later", map[string]string{"a.ks": "graphical\n"})
		w.Since = time.Date(2029, 12, 31, 0, 0, 0, 0, time.UTC)
		if c, err := w.Look(t.Context(), r.branch(), ""); err != nil || touched(c) != "A:a.ks" {
			t.Errorf("got %+v, %v", c, err)
		}
		w.Since = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
		if c, err := w.Look(t.Context(), r.branch(), ""); err != nil || len(c.Commits) > 0 {
			t.Errorf("got %+v, %v", c, err)
		}
		w.Since = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		if c, err := w.Look(t.Context(), r.branch(), ""); err != nil || !c.First {
			t.Errorf("got %+v, %v", c, err)
		}
	})
}

func TestGitWhereGitHubFails(t *testing.T) {
	r := newRepo(t)
	base := r.git("rev-parse", "HEAD")
	r.commit("second", map[string]string{"a.ks": "graphical\n"})
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Add(time.Hour).Unix()))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer down.Close()
	client, err := forge.New(forge.Options{API: down.URL})
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	w := Watcher{
		CacheDir: t.TempDir(), GitHub: client, find: func(string) (forge.Repository, bool) { return forge.Repository{Owner: "o", Name: "r"}, true },
		Report: func(e progress.Event) {
			if e.Kind == progress.Warning {
				warnings = append(warnings, e.Message)
			}
		},
	}
	c, err := w.Look(t.Context(), r.branch(), base)
	if err != nil || touched(c) != "A:a.ks" || len(warnings) != 1 || !strings.Contains(warnings[0], "asking git") {
		t.Errorf("got %+v, %v, %q", c, err, warnings)
	}
	w.Only = true
	var rate *forge.RateError
	if _, err := w.Look(t.Context(), r.branch(), base); !errors.As(err, &rate) {
		t.Errorf("got %v", err)
	}
	w.find = nil
	if _, err := w.Look(t.Context(), r.branch(), base); err == nil || !strings.Contains(err.Error(), "github.com") {
		t.Errorf("got %v", err)
	}
	if _, err := (Watcher{CacheDir: t.TempDir()}).Look(t.Context(), Branch{Override: t.TempDir(), Branch: "r9"}, base); err == nil {
		t.Error("a folder without commits was watched")
	}
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "watch.json")
	s, err := OpenState(t.Context(), path)
	if err != nil || len(s.Commits) > 0 {
		t.Fatal(s, err)
	}
	id := strings.Repeat("a", 40)
	s.Commits["x r9"] = id
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if s, err = OpenState(t.Context(), path); err != nil || s.Commits["x r9"] != id {
		t.Fatal(s, err)
	}
	s.Close()
	for _, bad := range []string{"", "{", `{"commits":{"x r9":"../../etc"}}`, `{"commits":{"x r9":"HEAD"}}`} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenState(t.Context(), path); err == nil || !strings.Contains(err.Error(), "begin anew") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
