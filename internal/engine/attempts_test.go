package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

type passing struct{ retry bool }

func (p passing) Error() string   { return "the line is busy" }
func (p passing) Retryable() bool { return p.retry }

type nothing struct{}

func (nothing) Files() []artifact.File { return nil }

func TestAttempts(t *testing.T) {
	busy, gone := passing{true}, passing{false}
	for name, c := range map[string]struct {
		attempts int
		fails    []error // what the attempts come to, in order; then it works
		ran      int
		want     error
	}{
		"a build fails once":         {0, []error{busy}, 1, busy},
		"a transfer comes through":   {3, []error{busy, busy}, 3, nil},
		"a transfer gives up":        {3, []error{busy, busy, busy, busy}, 3, busy},
		"not there is not there":     {3, []error{gone}, 1, gone},
		"an error that says nothing": {3, []error{errors.ErrUnsupported}, 1, errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			ran, warnings := 0, 0
			r := &Runner{Dir: t.TempDir(), Pause: time.Millisecond, Report: func(e progress.Event) {
				if e.Kind == progress.Warning && strings.Contains(e.Message, "trying again") {
					warnings++
				}
			}}
			defer func() { _ = r.Close() }()
			step := Step[int, nothing]{Name: "fetch", Attempts: c.attempts, Run: func(_ context.Context, _ int, env Env) (nothing, error) {
				if left, err := os.ReadDir(env.Dir); err != nil || len(left) > 0 {
					t.Errorf("attempt %d began with %v, %v", ran+1, left, err)
				}
				ran++
				if ran <= len(c.fails) {
					return nothing{}, errors.Join(c.fails[ran-1], os.WriteFile(filepath.Join(env.Dir, "half"), nil, 0o600))
				}
				return nothing{}, nil
			}}
			_, err := Do(t.Context(), r, step, 1)
			if !errors.Is(err, c.want) || c.want == nil && err != nil || ran != c.ran || warnings != c.ran-1 {
				t.Errorf("%v after %d attempts with %d warnings; want %v after %d", err, ran, warnings, c.want, c.ran)
			}
		})
	}
}

func TestAttemptsEndWithTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := &Runner{Dir: t.TempDir(), Pause: time.Hour, Report: func(e progress.Event) {
		if e.Kind == progress.Warning {
			cancel()
		}
	}}
	defer func() { _ = r.Close() }()
	step := Step[int, nothing]{Name: "fetch", Attempts: 3, Run: func(context.Context, int, Env) (nothing, error) { return nothing{}, passing{true} }}
	if _, err := Do(ctx, r, step, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
