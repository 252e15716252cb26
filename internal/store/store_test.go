package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
)

// testStore is a store that doesn't wait long.
func testStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.policy.backoff = time.Millisecond
	return s
}

// content is some megabytes that nobody could have by accident.
func content(seed uint64, size int) []byte {
	data := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(data)
	return data
}

// mirror serves data and misbehaves as asked; it counts the requests and remembers their ranges.
type mirror struct {
	*httptest.Server
	calls  atomic.Int32
	mu     sync.Mutex
	ranges []string
}

func newMirror(t *testing.T, serve func(call int, w http.ResponseWriter, r *http.Request)) *mirror {
	m := &mirror{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.ranges = append(m.ranges, r.Header.Get("Range"))
		m.mu.Unlock()
		serve(int(m.calls.Add(1)), w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

// whole serves data as any web server does, ranges included.
func whole(data []byte, w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// cut sends the length of all the data and breaks off after n bytes.
func cut(data []byte, n int, w http.ResponseWriter) {
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	_, _ = w.Write(data[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func request(url string, data []byte) Request {
	return Request{URLs: []string{url}, Digest: digest.Bytes(data), Size: int64(len(data)), Name: "thing"}
}

// holds checks that the store has data, readable, and nothing unfinished.
func holds(t *testing.T, s *Store, data []byte) {
	t.Helper()
	path, ok := s.Path(digest.Bytes(data))
	if !ok {
		t.Fatal("the store doesn't have the file")
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("the store has something else: %v", err)
	}
	empty(t, s)
}

func empty(t *testing.T, s *Store) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(s.Dir(), "partial"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestFetch(t *testing.T) {
	data := content(1, 300_000)
	m := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })
	file := filepath.Join(t.TempDir(), "a file#1")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"http": m.URL, "file": "file://" + strings.ReplaceAll(strings.ReplaceAll(file, " ", "%20"), "#", "%23")} {
		t.Run(name, func(t *testing.T) {
			s := testStore(t, t.TempDir())
			var last progress.Event
			files, err := s.Fetch(t.Context(), []Request{request(url, data)}, 4, func(e progress.Event) { last = e })
			if err != nil {
				t.Fatal(err)
			}
			holds(t, s, data)
			if files[0].Size != int64(len(data)) || files[0].Digest != digest.Bytes(data) || last.Done != last.Total || last.Total != int64(len(data)) {
				t.Errorf("%+v, progress %+v", files[0], last)
			}
		})
	}
	before := m.calls.Load()
	s := testStore(t, t.TempDir())
	for range 2 {
		if _, err := s.Fetch(t.Context(), []Request{request(m.URL, data)}, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.calls.Load() - before; got != 1 {
		t.Errorf("the second fetch asked the mirror: %d requests", got)
	}
}

func TestFetchOfUnknownDigest(t *testing.T) {
	data := content(2, 5000)
	m := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })
	s := testStore(t, t.TempDir())
	files, err := s.Fetch(t.Context(), []Request{{URLs: []string{m.URL}}}, 1, nil)
	if err != nil || files[0].Digest != digest.Bytes(data) {
		t.Fatalf("%+v: %v", files, err)
	}
	holds(t, s, data)
	s.policy.unsized = 4999
	if _, err := s.Fetch(t.Context(), []Request{{URLs: []string{m.URL}}}, 1, nil); !errors.As(err, new(*SizeError)) {
		t.Errorf("more than the bound: %v", err)
	}
	empty(t, s)
}

func TestFlakyMirrorIsAskedAgain(t *testing.T) {
	data := content(3, 1_000_000)
	m := newMirror(t, func(call int, w http.ResponseWriter, r *http.Request) {
		switch call {
		case 1:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case 2:
			cut(data, 400_000, w)
		default:
			whole(data, w, r)
		}
	})
	s := testStore(t, t.TempDir())
	if _, err := s.Fetch(t.Context(), []Request{request(m.URL, data)}, 1, nil); err != nil {
		t.Fatal(err)
	}
	holds(t, s, data)
	if len(m.ranges) != 3 || m.ranges[1] != "" || !strings.HasPrefix(m.ranges[2], "bytes=") || m.ranges[2] == "bytes=0-" {
		t.Errorf("the third request has to resume: %q", m.ranges)
	}
}

func TestResumeAfterACrash(t *testing.T) {
	data := content(4, 1_000_000)
	m := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })
	for name, left := range map[string][]byte{"good": data[:600_000], "another file's": content(5, 600_000), "too long": content(5, 2_000_000), "complete": data} {
		t.Run(name, func(t *testing.T) {
			s := testStore(t, t.TempDir())
			if err := os.WriteFile(filepath.Join(s.Dir(), "partial", digest.Bytes(data).Hex()), left, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := s.Fetch(t.Context(), []Request{request(m.URL, data)}, 1, nil)
			if name == "another file's" && err != nil {
				// The damage shows at the end: what was left is thrown away, and the next fetch starts from nothing.
				_, err = s.Fetch(t.Context(), []Request{request(m.URL, data)}, 1, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			holds(t, s, data)
		})
	}
}

func TestServerWithoutRanges(t *testing.T) {
	data := content(6, 500_000)
	m := newMirror(t, func(call int, w http.ResponseWriter, _ *http.Request) {
		if call == 1 {
			cut(data, 200_000, w)
		}
		_, _ = w.Write(data)
	})
	s := testStore(t, t.TempDir())
	if _, err := s.Fetch(t.Context(), []Request{request(m.URL, data)}, 1, nil); err != nil {
		t.Fatal(err)
	}
	holds(t, s, data)
}

func TestPermanentErrors(t *testing.T) {
	data := content(7, 1000)
	other := content(8, 1000)
	gone := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	wrong := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(other, w, r) })
	long := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(append(other, other...), w, r) })
	good := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })

	for name, c := range map[string]struct {
		m  *mirror
		is func(error) bool
	}{
		"404":          {gone, func(err error) bool { var e *StatusError; return errors.As(err, &e) && e.Code == 404 }},
		"wrong digest": {wrong, func(err error) bool { var e *DigestError; return errors.As(err, &e) && e.Got == digest.Bytes(other) }},
		"too long":     {long, func(err error) bool { return errors.As(err, new(*SizeError)) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := testStore(t, t.TempDir())
			_, err := s.Fetch(t.Context(), []Request{request(c.m.URL, data)}, 1, nil)
			var failed *FetchError
			if !errors.As(err, &failed) || failed.Retryable() || !c.is(err) || !strings.Contains(err.Error(), "thing") || !strings.Contains(err.Error(), c.m.URL) {
				t.Errorf("got %v", err)
			}
			if got := c.m.calls.Load(); got != 1 {
				t.Errorf("asked %d times for what doesn't change", got)
			}
			empty(t, s)

			two := request(c.m.URL, data)
			two.URLs = append(two.URLs, good.URL)
			if _, err := s.Fetch(t.Context(), []Request{two}, 1, nil); err != nil {
				t.Errorf("the second mirror was not taken: %v", err)
			}
		})
	}
}

func TestAllFailuresAreNamed(t *testing.T) {
	data := content(9, 1000)
	good := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })
	busy := newMirror(t, func(_ int, w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusBadGateway) })
	s := testStore(t, t.TempDir())
	a, b := request(busy.URL+"/a", content(10, 10)), request("file:///no/such/file", content(11, 10))
	a.Name, b.Name = "alpha", "beta"
	_, err := s.Fetch(t.Context(), []Request{a, request(good.URL, data), b}, 2, nil)
	if err == nil || !strings.Contains(err.Error(), "alpha") || !strings.Contains(err.Error(), "beta") {
		t.Errorf("got %v", err)
	}
	var failed *FetchError
	if !errors.As(err, &failed) || !failed.Retryable() {
		t.Errorf("a server that is busy may answer later: %v", err)
	}
	if got := busy.calls.Load(); got != int32(s.policy.attempts) {
		t.Errorf("the busy server was asked %d times", got)
	}
	holds(t, s, data) // the others came all the same
}

// A mirror that has vanished is not asked for all of a thousand files, five times each.
func TestVanishedMirror(t *testing.T) {
	var gone atomic.Bool
	m := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			panic(http.ErrAbortHandler)
		}
		whole([]byte(r.URL.Path), w, r)
	})
	s := testStore(t, t.TempDir())
	var all []Request
	for i := range 200 {
		path := fmt.Sprintf("/%03d", i)
		r := request(m.URL+path, []byte(path))
		r.Name = path
		all = append(all, r)
	}
	if _, err := s.Fetch(t.Context(), all[:20], 4, nil); err != nil {
		t.Fatal(err)
	}
	gone.Store(true)
	const jobs = 4
	_, err := s.Fetch(t.Context(), all, jobs, nil)
	var failed *FetchError
	if !errors.As(err, &failed) || !failed.Retryable() || !strings.Contains(err.Error(), "more files were not asked for") {
		t.Errorf("got %v", err)
	}
	if got, most := int(m.calls.Load())-20, (patience+jobs)*s.policy.attempts*2; got > most { // Go's client asks again by itself
		t.Errorf("asked %d times; want at most %d", got, most)
	}
	gone.Store(false)
	before := m.calls.Load()
	if _, err := s.Fetch(t.Context(), all, jobs, nil); err != nil || m.calls.Load()-before != 180 {
		t.Errorf("%d files were fetched: %v; want 180", m.calls.Load()-before, err)
	}
	empty(t, s)
}

func TestStalledMirror(t *testing.T) {
	data := content(12, 100_000)
	m := newMirror(t, func(call int, w http.ResponseWriter, r *http.Request) {
		if call == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:50_000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		whole(data, w, r)
	})
	s := testStore(t, t.TempDir())
	s.policy.stall = 200 * time.Millisecond
	if _, err := s.Fetch(t.Context(), []Request{request(m.URL, data)}, 1, nil); err != nil {
		t.Fatal(err)
	}
	holds(t, s, data)
}

func TestCancel(t *testing.T) {
	started := make(chan struct{})
	m := newMirror(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go func() { <-started; cancel(why) }()
	s := testStore(t, t.TempDir())
	if _, err := s.Fetch(ctx, []Request{request(m.URL, content(13, 10))}, 1, nil); !errors.Is(err, why) {
		t.Errorf("want the cause, got %v", err)
	}
}

func TestSameFileFromManySides(t *testing.T) {
	data := content(14, 2_000_000)
	m := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 { // a store each, as processes have
		s := testStore(t, dir)
		wg.Go(func() {
			r := request(m.URL, data)
			if _, err := s.Fetch(t.Context(), []Request{r, r, r}, 3, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	holds(t, testStore(t, dir), data)
	if got := m.calls.Load(); got != 1 {
		t.Errorf("the file was downloaded %d times", got)
	}
}

func TestDamagedFileIsFetchedAgain(t *testing.T) {
	data := content(15, 1000)
	m := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })
	s := testStore(t, t.TempDir())
	path := s.path(digest.Bytes(data))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:500], 0o444); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), []Request{request(m.URL, data)}, 1, nil); err != nil {
		t.Fatal(err)
	}
	holds(t, s, data)
}

// A file that has the right size and the wrong bytes is found, too.
func TestRottenFileIsFetchedAgain(t *testing.T) {
	data := content(18, 1000)
	m := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })
	s := testStore(t, t.TempDir())
	fetch := func() (warned []string) {
		t.Helper()
		if _, err := s.Fetch(t.Context(), []Request{request(m.URL, data)}, 1, func(e progress.Event) {
			if e.Kind == progress.Warning {
				warned = append(warned, e.Message)
			}
		}); err != nil {
			t.Fatal(err)
		}
		return warned
	}
	fetch()
	path := s.path(digest.Bytes(data))
	rotten := bytes.Clone(data)
	rotten[500] ^= 1
	if err := errors.Join(os.Remove(path), os.WriteFile(path, rotten, 0o444)); err != nil {
		t.Fatal(err)
	}
	if warned := fetch(); len(warned) != 1 || !strings.Contains(warned[0], "was damaged in the store") {
		t.Errorf("warned %q", warned)
	}
	if warned := fetch(); len(warned) != 0 || m.calls.Load() != 2 {
		t.Errorf("warned %q after %d downloads; want none after two", warned, m.calls.Load())
	}
	holds(t, s, data)
}

func TestPut(t *testing.T) {
	s := testStore(t, t.TempDir())
	data := content(16, 10_000)
	for range 2 {
		if f, err := s.Put(t.Context(), bytes.NewReader(data)); err != nil || f.Digest != digest.Bytes(data) || f.Size != int64(len(data)) {
			t.Fatalf("%+v: %v", f, err)
		}
	}
	holds(t, s, data)
	if _, ok := s.Path("sha256:../../../etc/passwd"); ok {
		t.Error("a digest that is none names a file")
	}
}

// TestFullDisk runs itself with a limit on the size of files: the kernel's answer is then of the same kind as a full disk's.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_LIMITED"); dir != "" {
		data := content(17, 3<<20)
		m := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole(data, w, r) })
		_, err := testStore(t, dir).Fetch(t.Context(), []Request{request(m.URL, data)}, 1, nil)
		var full *FullError
		if !errors.As(err, &full) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "full") {
			t.Errorf("want a FullError that names the folder, got %v", err)
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// SIGXFSZ is ignored across exec, so that the limit is an error and not the end of the process.
	cmd := exec.Command("sh", "-c", `trap '' XFSZ; ulimit -f 2048; exec "$0" -test.run='^TestFullDisk$' -test.v`, self)
	cmd.Env = append(os.Environ(), "STORE_TEST_LIMITED="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFullDisk")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPasswordsAreNotSaid(t *testing.T) {
	refuses := newMirror(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	other := newMirror(t, func(_ int, w http.ResponseWriter, r *http.Request) { whole([]byte("other"), w, r) })
	s := testStore(t, t.TempDir())
	for _, address := range []string{refuses.URL, other.URL, "http://127.0.0.1:1", "http://127.0.0.1:x", "ftp://127.0.0.1"} {
		address = strings.Replace(address, "://", "://me:s3cret@", 1) + "/a"
		_, err := s.Fetch(t.Context(), []Request{request(address, []byte("what is wanted"))}, 1, nil)
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "xxxxx@127.0.0.1") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
