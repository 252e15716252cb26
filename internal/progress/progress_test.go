package progress

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestNobodyNeedsToListen(t *testing.T) {
	var f Func
	f.Log("a")
	f.Warn("b")
	f.Count("c", 1, 2, Bytes)
	if err := f.Phase(t.Context(), "d", func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []Event
		f := Func(func(e Event) { seen = append(seen, e) })
		work := func(context.Context) error { time.Sleep(3 * time.Second); return nil }
		if err := f.Phase(t.Context(), "copy", work); err != nil {
			t.Fatal(err)
		}
		if len(seen) != 1 || seen[0].Kind != Log || seen[0].Phase != "copy" || seen[0].Seconds != 3 {
			t.Errorf("reported %+v", seen)
		}
		broken := errors.New("broken")
		if err := f.Phase(t.Context(), "copy", func(context.Context) error { return broken }); err != broken || len(seen) != 1 {
			t.Errorf("got %v, reported %+v", err, seen)
		}
	})
}

// The JSON is what --json prints: programs read it.
func TestEventJSON(t *testing.T) {
	e := Event{Time: time.Unix(0, 0).UTC(), Kind: Progress, Step: "fetch", Phase: "rpms", Done: 1, Total: 2, Unit: Packages}
	got, err := json.Marshal(e)
	const want = `{"time":"1970-01-01T00:00:00Z","kind":"progress","step":"fetch","phase":"rpms","done":1,"total":2,"unit":"packages"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}
