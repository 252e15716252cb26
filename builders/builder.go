// Package builders goes the whole way of an image: from a Plan to published files, as steps of the engine. What differs between the families of
// images (disks, live ISOs, root file systems, …) is behind Builder, one package each below this one; what is the same for all
// is here. No knowledge of one distribution or one image belongs here: that is data, in pipelines/.
package builders

import (
	"context"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/vm"
)

// Builder makes the images of one family.
type Builder interface {
	// Build turns what was fetched into finished files, one for each of the plan's outputs. It runs its parts as steps of
	// b.Runner, so that what is there already is not made again.
	Build(ctx context.Context, b Job) (Built, error)
}

// Job is what a Builder works on.
type Job struct {
	Runner    *engine.Runner
	Plan      plan.Plan
	Lock      resolve.Lock
	Inputs    resolve.Inputs
	Payload   install.PayloadFiles
	Accel     vm.Accel
	Deadlines vm.Deadlines
	Packages  install.Method // where packages are installed
	Agent     string         // the agent's program for the plan's architecture
	AgentID   string         // changes when the agent's code does
}

// Built is what a Builder made.
type Built struct {
	Images []artifact.Image
	Phases []artifact.Phase // of the machine, in order; empty when nothing had to be made
}
