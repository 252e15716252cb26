package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

// plainStep needs what it is told to and works while it holds that.
func plainStep(name string, needs Needs, work func(context.Context) error) Step[input, output] {
	return Step[input, output]{
		Name: name, Needs: func(input) Needs { return needs },
		Run: func(ctx context.Context, _ input, env Env) (output, error) {
			return output{artifact.File{Path: env.Dir}}, work(ctx)
		},
	}
}

func TestStepsShareTheHost(t *testing.T) {
	r := NewResources(Limits{CPUs: 4, MemoryMiB: 4096})
	dir := t.TempDir()
	var cpus, memory atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		needs := Needs{CPUs: i%5 + 1, MemoryMiB: 512 * (i%7 + 1)} // some alone, most beside others
		wg.Go(func() {
			step := plainStep(fmt.Sprint("s", i), needs, func(context.Context) error {
				c, m := cpus.Add(int64(needs.CPUs)), memory.Add(int64(needs.MemoryMiB))
				if (c > 4 && c != int64(needs.CPUs)) || m > 4096 {
					t.Errorf("%d CPUs and %d MiB at once", c, m)
				}
				time.Sleep(time.Millisecond)
				cpus.Add(-int64(needs.CPUs))
				memory.Add(-int64(needs.MemoryMiB))
				return nil
			})
			if _, err := Do(t.Context(), &Runner{Dir: dir, Resources: r}, step, input{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r.used != (Needs{}) || r.running != 0 || len(r.waiting) != 0 {
		t.Errorf("afterwards %+v of %d steps are still taken, %d wait", r.used, r.running, len(r.waiting))
	}
}

// taker takes and gives back by hand, in a bubble: what has not run once everything stands still is waiting.
type taker struct {
	t    *testing.T
	r    *Resources
	mu   sync.Mutex
	runs []string
	give map[string]chan struct{}
}

func (k *taker) take(ctx context.Context, name string, order int, needs Needs) {
	done := make(chan struct{})
	k.give[name] = done
	go func() {
		release, err := k.r.take(ctx, order, needs, func() {})
		if err != nil {
			return
		}
		k.mu.Lock()
		k.runs = append(k.runs, name)
		k.mu.Unlock()
		<-done
		release()
	}()
	synctest.Wait()
}

func (k *taker) end(names ...string) {
	for _, n := range names {
		close(k.give[n])
		synctest.Wait()
	}
}

func (k *taker) want(what string, names ...string) {
	k.t.Helper()
	if got := fmt.Sprint(k.runs); got != fmt.Sprint(names) {
		k.t.Errorf("%s: have run %v; want %v", what, got, names)
	}
}

func bubble(t *testing.T, limits Limits, test func(*taker)) {
	synctest.Test(t, func(t *testing.T) {
		test(&taker{t: t, r: NewResources(limits), give: map[string]chan struct{}{}})
	})
}

func TestFirstThatFitsRunsInTheOrderOfTheBuilds(t *testing.T) {
	bubble(t, Limits{CPUs: 4}, func(k *taker) {
		k.take(k.t.Context(), "a", 1, Needs{CPUs: 3})
		k.take(k.t.Context(), "big", 2, Needs{CPUs: 2})
		k.take(k.t.Context(), "small", 3, Needs{CPUs: 1})
		k.want("small fits beside a", "a", "small")
		k.take(k.t.Context(), "early", 0, Needs{CPUs: 3})
		k.end("a")
		k.want("early goes before big, which came before it", "a", "small", "early")
		k.end("small", "early")
		k.want("then big", "a", "small", "early", "big")
		k.end("big")
	})
}

func TestNobodyIsOvertakenForEver(t *testing.T) {
	bubble(t, Limits{CPUs: 2}, func(k *taker) {
		k.take(k.t.Context(), "first", 0, Needs{CPUs: 1})
		k.take(k.t.Context(), "big", 0, Needs{CPUs: 2})
		want := []string{"first"}
		for i := range patience { // each ends before the next comes: without patience big would wait for ever
			name := fmt.Sprint("small", i)
			k.take(k.t.Context(), name, 0, Needs{CPUs: 1})
			want = append(want, name)
			if i < patience-1 {
				k.end(name)
			}
		}
		k.want("big was overtaken", want...)
		k.take(k.t.Context(), "late", 0, Needs{CPUs: 1})
		k.end(fmt.Sprint("small", patience-1))
		k.want("late has to wait though it fits", want...)
		k.end("first")
		k.want("big's turn", append(want, "big")...)
		k.end("big")
		k.want("and late's", append(want, "big", "late")...)
		k.end("late")
	})
}

func TestWhatNeedsMoreThanThereIsRunsAlone(t *testing.T) {
	bubble(t, Limits{CPUs: 2, MemoryMiB: 1024}, func(k *taker) {
		k.take(k.t.Context(), "a", 0, Needs{CPUs: 1})
		k.take(k.t.Context(), "huge", 0, Needs{CPUs: 8, MemoryMiB: 9999})
		k.want("huge waits", "a")
		k.end("a")
		k.want("huge runs", "a", "huge")
		k.take(k.t.Context(), "b", 0, Needs{MemoryMiB: 1})
		k.want("alone", "a", "huge")
		k.end("huge")
		k.want("then b", "a", "huge", "b")
		k.end("b")
	})
}

func TestDiskIsAskedAgain(t *testing.T) {
	free := int64(10)
	bubble(t, Limits{FreeDisk: func() int64 { return free }}, func(k *taker) {
		k.take(k.t.Context(), "a", 0, Needs{DiskBytes: 6})
		k.take(k.t.Context(), "b", 0, Needs{DiskBytes: 6})
		k.take(k.t.Context(), "c", 0, Needs{CPUs: 1})
		k.want("b has no room; c writes nothing", "a", "c")
		free = 4 // as a has written 6
		k.end("a")
		k.want("still none", "a", "c")
		free = 20
		k.end("c")
		k.want("now there is", "a", "c", "b")
		k.end("b")
	})
}

func TestWhoGivesUpIsForgotten(t *testing.T) {
	bubble(t, Limits{CPUs: 2}, func(k *taker) {
		ctx, cancel := context.WithCancel(k.t.Context())
		k.take(k.t.Context(), "a", 0, Needs{CPUs: 1})
		k.take(ctx, "big", 0, Needs{CPUs: 2})
		for i := range patience {
			name := fmt.Sprint("s", i)
			k.take(k.t.Context(), name, 0, Needs{CPUs: 1})
			k.end(name)
		}
		k.take(k.t.Context(), "last", 0, Needs{CPUs: 1})
		k.want("last waits behind big", "a", "s0", "s1", "s2", "s3")
		cancel()
		synctest.Wait()
		k.want("big is gone", "a", "s0", "s1", "s2", "s3", "last")
		k.end("a", "last")
		if k.r.running != 0 || len(k.r.waiting) != 0 {
			t.Errorf("%d run and %d wait at the end", k.r.running, len(k.r.waiting))
		}
	})
}

// A build that fails or is stopped gives back what it had, and what is there already takes nothing.
func TestDoGivesBack(t *testing.T) {
	r := &Runner{Dir: t.TempDir(), Resources: NewResources(Limits{CPUs: 1})}
	boom := errors.New("boom")
	if _, err := Do(t.Context(), r, plainStep("bad", Needs{CPUs: 1}, func(context.Context) error { return boom }), input{}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	good := plainStep("good", Needs{CPUs: 1}, func(context.Context) error { return nil })
	if _, err := Do(t.Context(), r, good, input{}); err != nil {
		t.Fatal(err)
	}
	hold, err := r.Resources.take(t.Context(), 0, Needs{CPUs: 1}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Do(t.Context(), r, good, input{}); err != nil {
		t.Errorf("a step with a result waits for the host: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	var waits []string
	r.Report = func(e progress.Event) {
		if e.Kind == progress.Log {
			waits = append(waits, e.Message)
			cancel(boom)
		}
	}
	if _, err := Do(ctx, r, good, input{Text: "other"}); !errors.Is(err, boom) {
		t.Errorf("a step that was stopped while it waited: %v", err)
	}
	if len(waits) != 1 || waits[0] != "waiting for 1 CPU, which others are using" {
		t.Errorf("said %q while it waited", waits)
	}
	hold()
	if r.Resources.running != 0 || len(r.Resources.waiting) != 0 {
		t.Error("something is still taken")
	}
}
