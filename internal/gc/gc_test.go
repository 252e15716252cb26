package gc

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// world is a disk of items that are removed by name.
type world struct {
	gone []string
	busy map[string]bool
	bad  map[string]error
}

func (w *world) item(name string, size, used int, keep string, needs ...string) Item {
	return Item{Kind: name[:1], Name: name, Size: int64(size), Used: time.Unix(int64(used), 0), Keep: keep, Needs: needs,
		Remove: func(context.Context) (bool, error) {
			if w.busy[name] || w.bad[name] != nil {
				return false, w.bad[name]
			}
			w.gone = append(w.gone, name)
			return true, nil
		}}
}

func TestCollect(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		items     func(w *world) []Item
		max       int64
		busy      string
		bad       string
		gone      []string
		size      int64
		over      int64
		wantError error
	}{
		"all that need not stay": {
			items: func(w *world) []Item {
				return []Item{w.item("a", 1, 3, ""), w.item("b", 2, 1, ""), w.item("c", 4, 0, "kept")}
			},
			max: -1, gone: []string{"b", "a"}, size: 4,
		},
		"only until the budget is met": {
			items: func(w *world) []Item {
				return []Item{w.item("a", 1, 3, ""), w.item("b", 2, 1, ""), w.item("c", 4, 2, "")}
			},
			max: 3, gone: []string{"b", "c"}, size: 1,
		},
		"nothing, within the budget": {
			items: func(w *world) []Item { return []Item{w.item("a", 1, 3, "")} },
			max:   1, size: 1,
		},
		"a budget that can't be met": {
			items: func(w *world) []Item { return []Item{w.item("a", 1, 3, ""), w.item("b", 5, 3, "kept")} },
			max:   2, gone: []string{"a"}, size: 5, over: 3,
		},
		"what a kept one needs stays, through others too": {
			items: func(w *world) []Item {
				return []Item{w.item("file", 1, 0, ""), w.item("disk", 1, 0, "", "file"), w.item("image", 1, 0, "kept", "disk", "elsewhere")}
			},
			max: -1, size: 3,
		},
		"users go first, though what they need is older": {
			items: func(w *world) []Item {
				return []Item{w.item("file", 1, 0, ""), w.item("base", 1, 1, "", "file"), w.item("disk", 1, 5, "", "base"), w.item("other", 1, 4, "")}
			},
			max: -1, gone: []string{"other", "disk", "base", "file"},
		},
		"what one in use needs stays": {
			items: func(w *world) []Item {
				return []Item{w.item("file", 1, 0, ""), w.item("disk", 1, 5, "", "file"), w.item("b", 1, 5, "")}
			},
			max: -1, busy: "disk", gone: []string{"b"}, size: 2,
		},
		"needed by two": {
			items: func(w *world) []Item {
				return []Item{w.item("file", 1, 0, ""), w.item("x", 1, 5, "", "file"), w.item("y", 1, 6, "kept", "file")}
			},
			max: -1, gone: []string{"x"}, size: 2,
		},
		"an error does not stop the others": {
			items: func(w *world) []Item { return []Item{w.item("a", 1, 0, ""), w.item("b", 1, 1, "")} },
			max:   -1, bad: "a", gone: []string{"b"}, size: 1, wantError: boom,
		},
		"a circle": {
			items: func(w *world) []Item { return []Item{w.item("a", 1, 0, "", "b"), w.item("b", 1, 1, "", "a")} },
			max:   -1, size: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{busy: map[string]bool{c.busy: true}, bad: map[string]error{}}
			if c.bad != "" {
				w.bad[c.bad] = boom
			}
			got, err := Collect(t.Context(), c.items(w), Options{MaxSize: c.max})
			if !errors.Is(err, c.wantError) {
				t.Errorf("error %v; want %v", err, c.wantError)
			}
			if d := cmp.Diff(c.gone, w.gone); d != "" {
				t.Error(d)
			}
			if got.Size != c.size || got.Over != c.over {
				t.Errorf("left %d, over %d; want %d, %d", got.Size, got.Over, c.size, c.over)
			}
			var freed, kindFreed int64
			for _, r := range got.Removed {
				freed += r.Size
			}
			for _, k := range got.Kinds {
				kindFreed += k.Freed
			}
			if freed != got.Freed || kindFreed != got.Freed || len(got.Removed) != len(c.gone) {
				t.Errorf("the sums disagree: %+v", got)
			}

			dry := &world{}
			plan, err := Collect(t.Context(), c.items(dry), Options{MaxSize: c.max, DryRun: true})
			if err != nil || len(dry.gone) != 0 {
				t.Errorf("a dry run removed %v, %v", dry.gone, err)
			}
			if d := cmp.Diff(got, plan); c.busy == "" && c.bad == "" && d != "" {
				t.Errorf("the dry run promised something else: %s", d)
			}
		})
	}
}

func TestCollectStopsWithItsContext(t *testing.T) {
	w := &world{}
	ctx, cancel := context.WithCancel(t.Context())
	first := w.item("a", 1, 0, "")
	remove := first.Remove
	first.Remove = func(ctx context.Context) (bool, error) { cancel(); return remove(ctx) }
	r, err := Collect(ctx, []Item{first, w.item("b", 1, 1, "")}, Options{MaxSize: -1})
	if !errors.Is(err, context.Canceled) || len(w.gone) != 1 || r.Size != 1 {
		t.Errorf("%v, %v, %+v", err, w.gone, r)
	}
}
