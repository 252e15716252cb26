package live

import (
	"sync"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
)

// watch passes events on and keeps the phases that they tell the end of. They are read by the function it returns, once the work is done.
func watch(step string, report progress.Func) (progress.Func, func() []artifact.Phase) {
	var mu sync.Mutex
	var phases []artifact.Phase
	watched := func(e progress.Event) {
		if e.Phase != "" && e.Seconds > 0 {
			mu.Lock()
			phases = append(phases, artifact.Phase{Step: step, Name: e.Phase, Seconds: e.Seconds})
			mu.Unlock()
		}
		report.Report(e)
	}
	return watched, func() []artifact.Phase {
		mu.Lock()
		defer mu.Unlock()
		return phases
	}
}
