package source

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestHeadReadsReferencesOnly(t *testing.T) {
	u := newUpstream(t)
	want := u.commit("a.ks", "one")
	o := u.options("http://127.0.0.1:1/kickstarts", u.url)
	if got, err := Head(t.Context(), o); err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	o.Branch = ""
	if got, err := Head(t.Context(), o); err != nil || got != want {
		t.Errorf("HEAD is %s, %v; want %s", got, err, want)
	}
	o.Override = u.dir
	if got, err := Head(t.Context(), o); err != nil || got != want {
		t.Errorf("of a folder: %s, %v; want %s", got, err, want)
	}
	o.Override, o.Branch = "", "r99"
	var unreachable *UnreachableError
	if _, err := Head(t.Context(), o); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "only the branches r9") {
		t.Errorf("a missing branch: %v", err)
	}
}

func TestSince(t *testing.T) {
	u := newUpstream(t)
	first := u.commit("a.ks", "one")
	u.git("checkout", "--quiet", "-b", "side")
	side := u.commit("side.ks", "side")
	u.git("checkout", "--quiet", "r9")
	second := u.commit("a.ks", "two", "--date=2030-01-01T00:00:00Z")
	u.git("merge", "--quiet", "-m", "merge", "side")
	u.git("rm", "--quiet", "a.ks")
	last := u.commit("b.ks", "b")
	c, err := Open(t.Context(), u.options())
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Since(t.Context(), second)
	if err != nil || h.Rewritten || strings.Join(h.Files, " ") != "a.ks b.ks side.ks" || len(h.Commits) != 3 || h.Commits[0].ID != last || h.Commits[0].Subject != "b.ks" {
		t.Errorf("got %+v, %v", h, err)
	}
	if h, err := c.Since(t.Context(), last); err != nil || len(h.Commits)+len(h.Files) > 0 {
		t.Errorf("of itself: %+v, %v", h, err)
	}
	older, err := c.At(side)
	if err != nil || read(t, older, "a.ks") != "one" || older.Commit != side {
		t.Errorf("got %+v, %v", older, err)
	}
	if h, err := older.Since(t.Context(), second); err != nil || !h.Rewritten || len(h.Commits) != 1 {
		t.Errorf("of a branch beside: %+v, %v", h, err)
	}
	for _, id := range []string{strings.Repeat("a", 40), "r9", ""} {
		if _, err := c.Since(t.Context(), id); !errors.Is(err, ErrUnknownCommit) {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := c.At(id); !errors.Is(err, ErrUnknownCommit) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if got, ok, err := c.Before(t.Context(), time.Now().Add(time.Hour)); err != nil || !ok || got.ID != last {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	if _, ok, err := c.Before(t.Context(), time.Unix(0, 0)); err != nil || ok {
		t.Errorf("before %s: %v, %v", first, ok, err)
	}
}
