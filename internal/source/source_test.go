package source

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/test/shared"
)

// upstream is a real repository on disk, served over http by git's own server.
type upstream struct {
	t   *testing.T
	dir string
	url string
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	root := t.TempDir()
	u := &upstream{t: t, dir: filepath.Join(root, "kickstarts")}
	if err := os.Mkdir(u.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	u.git("init", "--quiet", "--initial-branch=r9")
	u.git("config", "http.receivepack", "true")
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("these tests need the git program: %v", err)
	}
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	})
	t.Cleanup(server.Close)
	u.url = server.URL + "/kickstarts/.git"
	return u
}

func (u *upstream) git(args ...string) string {
	u.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.invalid", "-C", u.dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		u.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (u *upstream) commit(name, content string, more ...string) string {
	u.t.Helper()
	path := filepath.Join(u.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		u.t.Fatal(err)
	}
	u.git("add", "-A")
	u.git(append([]string{"commit", "--quiet", "-m", name}, more...)...)
	return u.git("rev-parse", "HEAD")
}

func (u *upstream) options(urls ...string) Options {
	if urls == nil {
		urls = []string{u.url}
	}
	return Options{CacheDir: u.t.TempDir(), Source: Source{Name: "test", URLs: urls}, Branch: "r9"}
}

func read(t *testing.T, c Checkout, name string) string {
	t.Helper()
	data, err := fs.ReadFile(c.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestBundle(t *testing.T) {
	o := Options{CacheDir: t.TempDir(), Branch: "r9", Override: filepath.Join(shared.Dir(t), "data", "rocky-kickstarts.bundle")}
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !isCommit(c.Commit) || c.Branch != "r9" || !strings.Contains(read(t, c, "Rocky-9-GenericCloud-Base.ks"), "%packages") {
		t.Errorf("unexpected checkout %+v", c)
	}
	o.Branch = "r99"
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "r99") {
		t.Errorf("a missing branch: %v", err)
	}
}

func TestRemoteFollowsForcePush(t *testing.T) {
	u := newUpstream(t)
	u.commit("a.ks", "one")
	second := u.commit("a.ks", "two")
	o := u.options()
	if c, err := Open(t.Context(), o); err != nil || c.Commit != second || read(t, c, "a.ks") != "two" || c.URL != u.url {
		t.Fatalf("%+v: %v", c, err)
	}
	u.git("reset", "--quiet", "--hard", "HEAD~1")
	rewritten := u.commit("a.ks", "rewritten")
	c, err := Open(t.Context(), o)
	if err != nil || c.Commit != rewritten || read(t, c, "a.ks") != "rewritten" {
		t.Fatalf("after a force push: %+v: %v", c, err)
	}
	o.Commit = second // still in the mirror's objects, but of no branch any more
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "not on the branch") {
		t.Errorf("a commit off the branch: %v", err)
	}
}

func TestMirrorAfterUpstream(t *testing.T) {
	u := newUpstream(t)
	want := u.commit("a.ks", "one")
	dead := "http://127.0.0.1:1/kickstarts"
	o := u.options(dead, u.url)
	var warnings []string
	o.Report = func(e progress.Event) {
		if e.Kind == progress.Warning {
			warnings = append(warnings, e.Message)
		}
	}
	c, err := Open(t.Context(), o)
	if err != nil || c.Commit != want {
		t.Fatalf("%+v: %v", c, err)
	}
	if c.URL != dead || c.From != u.url || len(warnings) != 1 {
		t.Errorf("the checkout is named by upstream and says who answered: %+v, %q", c, warnings)
	}

	o = u.options(dead, "http://127.0.0.1:1/mirror")
	_, err = Open(t.Context(), o)
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || len(unreachable.Errs) != 2 {
		t.Fatalf("nobody answers: %v", err)
	}
	for _, part := range []string{dead, "/mirror", "--kickstarts"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error doesn't say %q: %v", part, err)
		}
	}
}

func TestPasswordsAreNotSaid(t *testing.T) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer refuses.Close()
	for _, address := range []string{refuses.URL, "http://127.0.0.1:1"} {
		var said strings.Builder
		o := Options{CacheDir: t.TempDir(), Branch: "r9", Override: strings.Replace(address, "://", "://me:s3cret@", 1)}
		o.Report = func(e progress.Event) { said.WriteString(e.Message) }
		_, err := Open(t.Context(), o)
		if err == nil || strings.Contains(err.Error()+said.String(), "s3cret") || !strings.Contains(err.Error(), "xxxxx@127.0.0.1") {
			t.Errorf("%s: %v\n%s", address, err, said.String())
		}
	}
}

func TestPinnedCommit(t *testing.T) {
	u := newUpstream(t)
	first := u.commit("a.ks", "one")
	u.commit("a.ks", "two")
	o := u.options()
	o.Commit = first
	if c, err := Open(t.Context(), o); err != nil || read(t, c, "a.ks") != "one" {
		t.Fatalf("%+v: %v", c, err)
	}
	o.Source.URLs = []string{"http://127.0.0.1:1/gone"} // what is in the cache needs no network
	if c, err := Open(t.Context(), o); err != nil || c.Commit != first || c.From != "cache" {
		t.Errorf("from the cache: %+v: %v", c, err)
	}
	o.Commit = "main"
	if _, err := Open(t.Context(), o); err == nil {
		t.Error("a name was taken for a commit")
	}
}

func TestLocalOverrides(t *testing.T) {
	u := newUpstream(t)
	want := u.commit("sub/a.ks", "one")
	if err := os.WriteFile(filepath.Join(u.dir, "sub/a.ks"), []byte("edited"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, override := range []string{u.dir, "file://" + u.dir} {
		warned := false
		o := Options{CacheDir: t.TempDir(), Branch: "r9", Override: override, Report: func(e progress.Event) { warned = warned || e.Kind == progress.Warning }}
		c, err := Open(t.Context(), o)
		if err != nil || c.Commit != want || read(t, c, "sub/a.ks") != "one" {
			t.Errorf("%s: %+v: %v", override, c, err)
		}
		if !warned {
			t.Errorf("%s: no word about the changes that are not committed", override)
		}
	}
	plain := t.TempDir()
	if err := os.WriteFile(filepath.Join(plain, "a.ks"), []byte("plain"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := Open(t.Context(), Options{Override: plain}); err != nil || c.Commit != "" || read(t, c, "a.ks") != "plain" {
		t.Errorf("a plain folder: %+v: %v", c, err)
	}
	if _, err := Open(t.Context(), Options{Override: "ext::sh -c true"}); err == nil {
		t.Error("a remote helper was accepted")
	}
}

func TestPathsAreAbsolute(t *testing.T) {
	u := newUpstream(t)
	u.commit("a.ks", "one")
	u.git("bundle", "create", "--quiet", "../ks.bundle", "r9")
	root := filepath.Dir(u.dir)
	if err := os.Mkdir(filepath.Join(root, "plain"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	for _, name := range []string{"kickstarts", "plain", "ks.bundle"} {
		want := filepath.Join(root, name)
		for _, typed := range []string{name, "./" + name, want, "file://" + want} {
			c, err := Open(t.Context(), Options{CacheDir: t.TempDir(), Branch: "r9", Override: typed})
			if err != nil || c.URL != want {
				t.Errorf("%s: %q, want %q: %v", typed, c.URL, want, err)
			}
		}
	}
}

func TestBranches(t *testing.T) {
	u := newUpstream(t)
	u.commit("a.ks", "one")
	u.git("switch", "--quiet", "--create", "other")
	want := u.commit("a.ks", "two")
	whole, headless := filepath.Join(t.TempDir(), "a.bundle"), filepath.Join(t.TempDir(), "b.bundle")
	u.git("bundle", "create", "--quiet", whole, "HEAD", "--all")
	u.git("bundle", "create", "--quiet", headless, "r9", "other")
	for _, override := range []string{u.dir, u.url, whole} {
		o := Options{CacheDir: t.TempDir(), Override: override}
		if c, err := Open(t.Context(), o); err != nil || c.Commit != want || c.Branch != head {
			t.Errorf("%s without a branch: %+v: %v", override, c, err)
		}
		o.Branch = "r10"
		if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "it has no r10, only the branches other, r9: make") {
			t.Errorf("%s without the branch: %v", override, err)
		}
	}
	if _, err := Open(t.Context(), Options{CacheDir: t.TempDir(), Override: headless}); err == nil || !strings.Contains(err.Error(), "it has no HEAD, only the branches") {
		t.Errorf("a bundle without HEAD: %v", err)
	}
}

func TestTreeFS(t *testing.T) {
	u := newUpstream(t)
	for link, target := range map[string]string{"inside.ks": "sub/real.ks", "sub/up.ks": "../top.ks", "outside.ks": "../../etc/passwd", "absolute.ks": "/etc/passwd", "loop.ks": "loop.ks", "dir": "sub"} {
		if err := os.MkdirAll(filepath.Join(u.dir, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(u.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	u.commit("top.ks", "top")
	u.commit("sub/real.ks", "real")
	c, err := Open(t.Context(), Options{CacheDir: t.TempDir(), Branch: "r9", Override: u.dir})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"inside.ks": "real", "sub/up.ks": "top", "dir/real.ks": "real"} {
		if got := read(t, c, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"outside.ks", "absolute.ks", "loop.ks", "../top.ks", "/top.ks", "missing.ks", "top.ks/x"} {
		if _, err := fs.ReadFile(c.FS, name); err == nil {
			t.Errorf("%s could be read", name)
		}
	}
	// The standard library's own check of a file system, on one without the links that lead nowhere.
	u.git("rm", "--quiet", "outside.ks", "absolute.ks", "loop.ks", "inside.ks", "sub/up.ks", "dir")
	u.commit("empty.ks", "")
	if c, err = Open(t.Context(), Options{CacheDir: t.TempDir(), Branch: "r9", Override: u.dir}); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(c.FS, "top.ks", "sub/real.ks", "empty.ks"); err != nil {
		t.Error(err)
	}
}

func TestConcurrentOpens(t *testing.T) {
	u := newUpstream(t)
	want := u.commit("a.ks", "one")
	o := u.options()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if c, err := Open(t.Context(), o); err != nil || c.Commit != want {
				t.Errorf("%+v: %v", c, err)
			}
		})
	}
	wg.Wait()
}

func TestCancelled(t *testing.T) {
	u := newUpstream(t)
	u.commit("a.ks", "one")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, u.options()); !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}
}

func TestCatalog(t *testing.T) {
	files := func(text string) fs.FS { return fstest.MapFS{"sources.yaml": {Data: []byte(text)}} }
	c, err := LoadCatalog(files("rocky:\n  urls: [https://a.invalid/k, https://b.invalid/k]\n  branches: {'9': r9}\n"))
	if err != nil {
		t.Fatal(err)
	}
	s, branch, err := c.Find("rocky", "9")
	if err != nil || branch != "r9" || len(s.URLs) != 2 {
		t.Errorf("%+v %s: %v", s, branch, err)
	}
	if _, _, err := c.Find("rocky", "7"); err == nil || !strings.Contains(err.Error(), "9") {
		t.Errorf("an unknown release: %v", err)
	}
	if _, err := LoadCatalog(files("rocky:\n  urls: [a]\n  branchs: {}\n")); err == nil || !strings.Contains(err.Error(), "sources.yaml:3:3") {
		t.Errorf("a wrong key: %v", err)
	}
}
