// Package matrix is about sets of builds: which images a selection means, in which order they are built, what became of each, and how that is
// told to people, to programs and to CI. How an image is built it doesn't know: it is given a function for that.
package matrix

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Build is one image for one architecture.
type Build struct {
	Distro  string `json:"distro"`  // "rocky"
	Release string `json:"release"` // "9"
	Image   string `json:"image"`   // "GenericCloud"
	Variant string `json:"variant"` // "Base"; may be empty
	Arch    string `json:"arch"`    // RPM's name
}

// Name is the plan's: "rocky-9-GenericCloud-Base-x86_64".
func (b Build) Name() string { return b.Title() + "-" + b.Arch }

// Title is the name without the architecture.
func (b Build) Title() string {
	parts := []string{b.Distro, b.Release, b.Image, b.Variant}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "-")
}

// State is how a build ended.
type State string

// The states.
const (
	Built       State = "built"
	Unchanged   State = "unchanged"   // nothing that goes into it has changed since it was published
	Failed      State = "failed"      //
	Refused     State = "refused"     // it was made, and booting it showed that it must not be published
	Interrupted State = "interrupted" // by Ctrl-C or SIGTERM; another run goes on from there
)

// Bad reports whether the build did not do what was asked for.
func (s State) Bad() bool { return s != Built && s != Unchanged }

// Result is what became of a build. It is what reports are made of.
type Result struct {
	Name string `json:"name"`
	Build
	State     State     `json:"state"`
	Reasons   []string  `json:"reasons,omitempty"` // why it was built, or why not
	Started   time.Time `json:"started"`           // UTC
	Seconds   float64   `json:"seconds"`
	Steps     []Step    `json:"steps,omitempty"`
	Images    []File    `json:"images,omitempty"`
	Published []string  `json:"published,omitempty"` // paths
	Error     string    `json:"error,omitempty"`
	Logs      string    `json:"logs,omitempty"` // folder; build.json in it says everything
}

// Step is one step of a build.
type Step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Skipped bool    `json:"skipped,omitempty"` // its result was there already
}

// File is an image that a build made.
type File struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	Size   int64  `json:"size"` // bytes
	Digest string `json:"digest"`
}

// Run builds all of builds, jobs of them at a time, in their order; one that fails does not stop the others. do fills in what it knows beyond
// the build's name, start and duration; its second argument is the build's place. The results are in the order of builds. When ctx
// ends, what was not begun is Interrupted.
func Run(ctx context.Context, builds []Build, jobs int, do func(context.Context, int, Build) Result) []Result {
	results := make([]Result, len(builds))
	var group errgroup.Group
	group.SetLimit(max(1, jobs))
	for i, b := range builds {
		group.Go(func() error {
			start := time.Now()
			r := Result{State: Interrupted}
			if ctx.Err() == nil {
				r = do(ctx, i, b)
			}
			r.Name, r.Build = b.Name(), b
			r.Started, r.Seconds = start.UTC().Truncate(time.Second), time.Since(start).Seconds()
			results[i] = r
			return nil
		})
	}
	_ = group.Wait() // no function returns an error
	return results
}
