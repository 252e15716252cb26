package builders

import (
	"context"
	"sync"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/store"
)

// States remembers what repositories held when they were asked first, for the builds of one run: each is asked once, and images of one run
// are made of the same packages. The zero value is empty.
type States struct {
	mu    sync.Mutex
	known map[digest.Digest]*state
}

type state struct {
	mu     sync.Mutex
	asked  bool
	digest digest.Digest
	err    error
}

// of asks what the plan's addresses hold, unless another plan with the same ones has. A nil States asks always.
func (s *States) of(ctx context.Context, p plan.Plan, files *store.Store) (digest.Digest, error) {
	if s == nil {
		return resolve.State(ctx, p, files)
	}
	key, err := digest.JSON(struct {
		Tree         string
		Repositories []plan.Repository
		Keys         []plan.Key
	}{p.Tree, p.Repositories, p.Keys})
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	if s.known == nil {
		s.known = map[digest.Digest]*state{}
	}
	one := s.known[key]
	if one == nil {
		one = &state{}
		s.known[key] = one
	}
	s.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	if !one.asked {
		one.digest, one.err = resolve.State(ctx, p, files)
		one.asked = ctx.Err() == nil // who was stopped has learnt nothing
	}
	return one.digest, one.err
}
