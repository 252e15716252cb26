package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
)

const secret = "ghp_verysecret"

var (
	old = strings.Repeat("a", 40)
	tip = strings.Repeat("b", 40)
	own = Repository{"o", "r"}
)

// hub is a server that speaks what is needed of GitHub's API, for the repository o/r with one release, tagged nightly.
type hub struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []string       // "METHOD path"
	failures []http.Handler // answer the next requests instead
	tip      string
	compare  string // the whole answer
	statuses []map[string]string
	assets   []map[string]any
	content  map[string]string
	noDigest bool
	id       int
}

func newHub(t *testing.T) (*hub, *Client) {
	t.Helper()
	h := &hub{tip: tip, content: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/o/r/commits/heads/r9", h.head)
	mux.HandleFunc("GET /repos/o/r/commits", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("until") < "2026-01-02" || r.FormValue("sha") != "r9" {
			io.WriteString(w, "[]")
			return
		}
		fmt.Fprintf(w, `[{"sha":%q,"commit":{"message":"one\n\nmore","committer":{"date":"2026-01-02T03:04:05Z"}}}]`, old)
	})
	mux.HandleFunc("GET /repos/o/r/compare/{range}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, h.compare) })
	mux.HandleFunc("POST /repos/o/r/statuses/"+tip, h.status)
	mux.HandleFunc("GET /repos/o/r/releases/tags/nightly", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"id":7}`) })
	mux.HandleFunc("GET /repos/o/r/releases/7/assets", h.list)
	mux.HandleFunc("POST /repos/o/r/releases/7/assets", h.upload)
	mux.HandleFunc("DELETE /repos/o/r/releases/assets/{id}", h.remove)
	mux.HandleFunc("PATCH /repos/o/r/releases/assets/{id}", h.rename)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.asked = append(h.asked, r.Method+" "+r.URL.Path)
		if len(h.failures) > 0 {
			next := h.failures[0]
			h.failures = h.failures[1:]
			if next != nil {
				next.ServeHTTP(w, r)
				return
			}
		}
		if r.Header.Get("Authorization") != "Bearer "+secret {
			answer(401, `{"message":"Bad credentials"}`).ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h, h.client(t, Options{Token: secret})
}

func (h *hub) client(t *testing.T, o Options) *Client {
	t.Helper()
	o.API = h.URL
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.pause = time.Millisecond
	return c
}

// answer is a handler with headers as pairs.
func answer(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func limited(until time.Time) http.Handler {
	return answer(403, `{"message":"API rate limit exceeded"}`, "X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "0",
		"X-RateLimit-Reset", strconv.FormatInt(until.Unix(), 10))
}

func (h *hub) head(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("If-None-Match") == strconv.Quote(h.tip) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	io.WriteString(w, h.tip)
}

func (h *hub) status(w http.ResponseWriter, r *http.Request) {
	var s map[string]string
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		w.WriteHeader(400)
		return
	}
	h.statuses = append(h.statuses, s)
	w.WriteHeader(201)
	io.WriteString(w, "{}")
}

func (h *hub) list(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("page") == "2" {
		json.NewEncoder(w).Encode(h.assets[min(2, len(h.assets)):])
		return
	}
	if len(h.assets) > 2 {
		w.Header().Set("Link", `<`+h.URL+`/x?page=2>; rel="next"`)
	}
	json.NewEncoder(w).Encode(h.assets[:min(2, len(h.assets))])
}

func (h *hub) find(name string) int {
	return slices.IndexFunc(h.assets, func(a map[string]any) bool { return a["name"] == name || fmt.Sprint(a["id"]) == name })
}

func (h *hub) add(name, content, state string) map[string]any {
	h.id++
	a := map[string]any{"id": h.id, "name": name, "state": state, "size": len(content), "browser_download_url": "https://x/" + name}
	if !h.noDigest {
		a["digest"] = string(digest.Bytes([]byte(content)))
	}
	h.assets = append(h.assets, a)
	h.content[name] = content
	return a
}

func (h *hub) upload(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	name := r.FormValue("name")
	if h.find(name) >= 0 {
		answer(422, `{"message":"Validation Failed","errors":[{"code":"already_exists"}]}`).ServeHTTP(w, r)
		return
	}
	w.WriteHeader(201)
	json.NewEncoder(w).Encode(h.add(name, string(b), "uploaded"))
}

func (h *hub) remove(w http.ResponseWriter, r *http.Request) {
	i := h.find(r.PathValue("id"))
	if i < 0 {
		answer(404, `{"message":"Not Found"}`).ServeHTTP(w, r)
		return
	}
	delete(h.content, h.assets[i]["name"].(string))
	h.assets = slices.Delete(h.assets, i, i+1)
	w.WriteHeader(204)
}

func (h *hub) rename(w http.ResponseWriter, r *http.Request) {
	i := h.find(r.PathValue("id"))
	var edit struct{ Name string }
	if err := json.NewDecoder(r.Body).Decode(&edit); err != nil || i < 0 || h.find(edit.Name) >= 0 {
		answer(422, `{"message":"no"}`).ServeHTTP(w, r)
		return
	}
	was := h.assets[i]["name"].(string)
	h.assets[i]["name"] = edit.Name
	h.content[edit.Name] = h.content[was]
	delete(h.content, was)
	json.NewEncoder(w).Encode(h.assets[i])
}

func TestHeadAsksConditionally(t *testing.T) {
	h, c := newHub(t)
	for _, last := range []string{"", old, tip} {
		if got, err := c.Head(t.Context(), own, "r9", last); err != nil || got != tip {
			t.Errorf("after %q: %q, %v", last, got, err)
		}
	}
	h.tip = "<html>"
	if _, err := c.Head(t.Context(), own, "r9", ""); err == nil || !strings.Contains(err.Error(), "is no commit") {
		t.Errorf("got %v", err)
	}
}

func TestBefore(t *testing.T) {
	_, c := newHub(t)
	got, ok, err := c.Before(t.Context(), own, "r9", time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || !ok || got.ID != old || got.Subject != "one" || got.Time.Day() != 2 {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	if _, ok, err := c.Before(t.Context(), own, "r9", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)); ok || err != nil {
		t.Errorf("before the first: %v, %v", ok, err)
	}
}

func TestCompare(t *testing.T) {
	h, c := newHub(t)
	h.compare = fmt.Sprintf(`{"status":"ahead","commits":[{"sha":%q,"html_url":"https://x","commit":{"message":"first"}},{"sha":%q,"commit":{"message":"second"}}],
		"files":[{"filename":"a.ks"},{"filename":"new.ks","previous_filename":"old.ks"}]}`, old, tip)
	got, err := c.Compare(t.Context(), own, old, tip)
	if err != nil || !got.Ahead || got.Behind || !got.Complete || len(got.Commits) != 2 || got.Commits[0].Subject != "second" ||
		strings.Join(got.Files, " ") != "a.ks new.ks old.ks" {
		t.Errorf("got %+v, %v", got, err)
	}
	h.compare = `{"status":"diverged","files":[` + strings.TrimSuffix(strings.Repeat(`{"filename":"a"},`, 300), ",") + `]}`
	if got, err := c.Compare(t.Context(), own, old, tip); err != nil || got.Ahead || got.Complete {
		t.Errorf("got %v %v, %v", got.Ahead, got.Complete, err)
	}
	h.failures = []http.Handler{answer(404, `{"message":"Not Found"}`)}
	if _, err := c.Compare(t.Context(), own, old, tip); !NotFound(err) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Compare(t.Context(), own, "HEAD~1", tip); err == nil {
		t.Error("a name was sent as a commit")
	}
}

func TestRateLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		failure  http.Handler
		patience time.Duration
		fails    bool
	}{
		"primary, no patience":   {limited(time.Now().Add(time.Hour)), 0, true},
		"primary, too long":      {limited(time.Now().Add(time.Hour)), time.Minute, true},
		"primary, soon":          {limited(time.Now()), time.Minute, false},
		"secondary":              {answer(403, `{"documentation_url":"https://x#secondary-rate-limits"}`, "Retry-After", "0"), time.Minute, false},
		"secondary, unsaid":      {answer(403, `{"documentation_url":"https://x#secondary-rate-limits"}`), time.Second, true},
		"too many, soon":         {answer(429, `{}`, "Retry-After", "0"), time.Minute, false},
		"too many, unsaid":       {answer(429, `{}`), time.Second, true},
		"too many, nonsense":     {answer(429, `{}`, "Retry-After", "soon"), time.Second, true},
		"secondary, and in vain": {answer(403, `{"documentation_url":"https://x#secondary-rate-limits"}`, "Retry-After", "3600"), time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := newHub(t)
			var said []string
			c := h.client(t, Options{Token: secret, Patience: tc.patience, Report: func(e progress.Event) { said = append(said, e.Message) }})
			h.failures = []http.Handler{tc.failure}
			_, err := c.Head(t.Context(), own, "r9", "")
			var rate *RateError
			if errors.As(err, &rate) != tc.fails || (err != nil) != tc.fails {
				t.Fatalf("got %v", err)
			}
			if tc.fails && !strings.Contains(err.Error(), "rate limit is used up until") || !tc.fails && len(said) != 1 {
				t.Errorf("got %v, said %q", err, said)
			}
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	h, _ := newHub(t)
	c := h.client(t, Options{Patience: 2 * time.Hour})
	h.failures = []http.Handler{limited(time.Now().Add(time.Hour))}
	ctx, cancel := context.WithCancelCause(t.Context())
	c.report = func(progress.Event) { cancel(errors.New("enough")) }
	if _, err := c.Head(ctx, own, "r9", ""); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("got %v", err)
	}
}

func TestServerErrors(t *testing.T) {
	h, c := newHub(t)
	broken := answer(502, "<html>")
	h.failures = []http.Handler{broken, broken}
	if _, err := c.Head(t.Context(), own, "r9", ""); err != nil || len(h.asked) != 3 {
		t.Errorf("got %v after %q", err, h.asked)
	}
	h.failures, h.asked = []http.Handler{broken, broken, broken}, nil
	if _, err := c.Head(t.Context(), own, "r9", ""); err == nil || !strings.Contains(err.Error(), "GitHub says 502") || len(h.asked) != attempts {
		t.Errorf("got %v after %q", err, h.asked)
	}
	h.Close()
	if _, err := c.Head(t.Context(), own, "r9", ""); err == nil {
		t.Error("nobody answered, and there is no error")
	}
}

func TestAccess(t *testing.T) {
	h, c := newHub(t)
	for _, tc := range []struct {
		client  *Client
		failure http.Handler
		want    string
	}{
		{h.client(t, Options{}), nil, "set QUARRY_GITHUB_TOKEN"},
		{h.client(t, Options{Token: "expired"}), nil, "does not accept the token"},
		{c, answer(403, `{"message":"Resource not accessible"}`), "give the token the permission"},
		{c, answer(404, `{"message":"Not Found"}`), "check the name"},
		{c, answer(422, `{"message":"Validation Failed"}`), "Validation Failed"},
	} {
		h.failures, h.asked = []http.Handler{tc.failure}, nil
		err := tc.client.SetStatus(t.Context(), Target{own, tip}, Status{State: Success, Context: "quarry"})
		if err == nil || !strings.Contains(err.Error(), tc.want) || len(h.asked) != 1 {
			t.Errorf("got %v after %q, want %q", err, h.asked, tc.want)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "expired;") && strings.Contains(err.Error(), "Bearer")) {
			t.Errorf("the error has the token: %v", err)
		}
	}
}

func TestStatus(t *testing.T) {
	h, c := newHub(t)
	s := Status{State: Pending, Context: "quarry/x", Description: strings.Repeat("ä", 200), URL: "https://x/1"}
	if err := c.SetStatus(t.Context(), Target{own, tip}, s); err != nil {
		t.Fatal(err)
	}
	got := h.statuses[0]
	if got["state"] != "pending" || got["context"] != "quarry/x" || got["target_url"] != "https://x/1" || got["description"] != strings.Repeat("ä", 139)+"…" {
		t.Errorf("got %v", got)
	}
}

func fileOf(t *testing.T, name, content string) File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return File{Path: path, Size: int64(len(content)), Digest: digest.Bytes([]byte(content))}
}

// TestAttachFromWhateverIsThere begins with what an earlier attempt, or somebody, has left in the release.
func TestAttachFromWhateverIsThere(t *testing.T) {
	const name = "image a.qcow2"
	for what, tc := range map[string]struct {
		before func(*hub)
		sent   bool
	}{
		"nothing":  {func(*hub) {}, true},
		"the same": {func(h *hub) { h.add(name, "content", "uploaded") }, false},
		"the same, on a second page": {func(h *hub) {
			h.add("1", "", "uploaded")
			h.add("2", "", "uploaded")
			h.add(name, "content", "uploaded")
		}, false},
		"the same and a leftover": {func(h *hub) { h.add(name, "content", "uploaded"); h.add(name+nextName, "x", "uploaded") }, false},
		"another":                 {func(h *hub) { h.add(name, "CONTENT", "uploaded") }, true},
		"a cut off upload":        {func(h *hub) { h.add(name, "", "starter") }, true},
		"a cut off replacement":   {func(h *hub) { h.add(name, "CONTENT", "uploaded"); h.add(name+nextName, "", "starter") }, true},
		"a complete replacement":  {func(h *hub) { h.add(name, "CONTENT", "uploaded"); h.add(name+nextName, "content", "uploaded") }, false},
		"a nameless replacement":  {func(h *hub) { h.add(name+nextName, "content", "uploaded") }, false},
		"no digests":              {func(h *hub) { h.noDigest = true; h.add(name, "content", "uploaded") }, true},
		"an error on the way":     {func(h *hub) { h.failures = []http.Handler{nil, nil, nil, answer(500, "")} }, true},
		"an answer that got lost": {func(h *hub) {
			h.failures = []http.Handler{nil, nil, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.upload(httptest.NewRecorder(), r)
				w.WriteHeader(502)
			})}
		}, true},
	} {
		t.Run(what, func(t *testing.T) {
			h, c := newHub(t)
			tc.before(h)
			others := len(h.assets)
			got, err := c.Attach(t.Context(), own, "nightly", []File{fileOf(t, name, "content")})
			if err != nil || len(got) != 1 || got[0].Name != name {
				t.Fatalf("got %+v, %v\n%s", got, err, strings.Join(h.asked, "\n"))
			}
			if h.content[name] != "content" || h.content[name+nextName] != "" {
				t.Errorf("the release holds %v (%d before)", h.content, others)
			}
			if sent := slices.Contains(h.asked, "POST /repos/o/r/releases/7/assets"); sent != tc.sent {
				t.Errorf("sent: %v\n%s", sent, strings.Join(h.asked, "\n"))
			}
			h.noDigest = false
			again, err := c.Attach(t.Context(), own, "nightly", []File{fileOf(t, name, "content")})
			if err != nil || again[0].New && what != "no digests" {
				t.Errorf("again: %+v, %v", again, err)
			}
		})
	}
}

// TestAttachCutOffAnywhere ends each of the calls that replacing a file makes: the old file or the new one is always there in full,
// under one of the two names, and calling again completes it.
func TestAttachCutOffAnywhere(t *testing.T) {
	for cut := 0; ; cut++ {
		h, c := newHub(t)
		h.add("a", "OLD", "uploaded")
		ctx, cancel := context.WithCancel(t.Context())
		for range cut {
			h.failures = append(h.failures, nil)
		}
		h.failures = append(h.failures, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
		_, err := c.Attach(ctx, own, "nightly", []File{fileOf(t, "a", "content")})
		cancel()
		if h.content["a"] != "OLD" && h.content["a"] != "content" && h.content["a"+nextName] != "content" {
			t.Errorf("after %d calls the release holds %v", cut, h.content)
		}
		h.failures = nil
		if _, err := c.Attach(t.Context(), own, "nightly", []File{fileOf(t, "a", "content")}); err != nil || len(h.content) != 1 || h.content["a"] != "content" {
			t.Errorf("after %d calls, again: %v, %v", cut, err, h.content)
		}
		if err == nil {
			if cut < 5 {
				t.Errorf("only %d calls were cut off", cut)
			}
			return
		}
	}
}

func TestAttachRefuses(t *testing.T) {
	h, c := newHub(t)
	good := fileOf(t, "a", "content")
	large, gone, changed := good, good, good
	large.Size = 2 << 30
	gone.Path += "gone"
	changed.Digest = digest.Bytes([]byte("other"))
	for _, tc := range []struct {
		tag  string
		file File
		want string
	}{
		{"none", good, "gh release create none"},
		{"nightly", large, "less than 2 GiB"},
		{"nightly", gone, "no such file"},
		{"nightly", changed, "has the file changed?"},
	} {
		if _, err := c.Attach(t.Context(), own, tc.tag, []File{tc.file}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
	_ = h
}

func TestTheTokenStaysHere(t *testing.T) {
	token := Token(secret)
	b, err := json.Marshal(struct{ Token Token }{token})
	shown := fmt.Sprintf("%s %v %+v %#v %q %s %v", token, token, Options{Token: token}, Options{Token: token}, token, b, err)
	if strings.Contains(shown, "verysecret") {
		t.Errorf("the token shows: %s", shown)
	}
	elsewhere := ""
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere = r.Header.Get("Authorization") }))
	defer other.Close()
	h, c := newHub(t)
	h.failures = []http.Handler{http.RedirectHandler(other.URL, http.StatusFound)}
	if _, err := c.Head(t.Context(), own, "r9", ""); err == nil || elsewhere != "" {
		t.Errorf("got %v; another server got %q", err, elsewhere)
	}
	for _, api := range []string{"http://example.org", "ftp://example.org", "https://user:pass@example.org", "::", "https://"} {
		if _, err := New(Options{API: api}); err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: %v", api, err)
		}
	}
	env := map[string]string{"GITHUB_TOKEN": "second"}
	if o := Environment(func(k string) string { return env[k] }); o.Token != "second" {
		t.Error("GITHUB_TOKEN is not read")
	}
	env["QUARRY_GITHUB_TOKEN"] = "first"
	if o := Environment(func(k string) string { return env[k] }); o.Token != "first" {
		t.Error("QUARRY_GITHUB_TOKEN does not come first")
	}
}

func TestWhereUploadsGo(t *testing.T) {
	for api, want := range map[string]string{
		"": "https://uploads.github.com/", "https://ghe.example.org/api/v3": "https://ghe.example.org/api/uploads/", "http://127.0.0.1:1": "http://127.0.0.1:1/",
	} {
		c, err := New(Options{API: api})
		if err != nil || c.api.UploadURL.String() != want {
			t.Errorf("%s: %v, %v", api, c.api.UploadURL, err)
		}
	}
}

func TestParse(t *testing.T) {
	for text, ok := range map[string]bool{
		"o/r": true, "Rocky-Linux/kick.starts": true, "o": false, "o/": false, "o/..": false, "../r": false, "o/r/x": false, "o/r?x": false, "o/a b": false,
	} {
		if r, err := ParseRepository(text); (err == nil) != ok || ok && r.String() != text {
			t.Errorf("%s: %v, %v", text, r, err)
		}
	}
	for text, ok := range map[string]bool{"o/r@" + tip: true, "o/r": false, "o/r@main": false, "o/r@" + strings.ToUpper(tip): false, "r@" + tip: false} {
		if _, err := ParseTarget(text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, ok := range map[string]bool{
		"https://github.com/rocky-linux/kickstarts.git": true, "https://github.com/o/r/": true, "https://git.resf.org/o/r.git": false,
		"http://github.com/o/r": false, "https://github.com/o": false, "https://github.com.example.org/o/r": false, "::": false,
	} {
		if _, got := RepositoryAt(text); got != ok {
			t.Errorf("%s: %v", text, got)
		}
	}
}
