package builders

import (
	"context"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/packaging"
	"github.com/quarry-project/quarry/internal/plan"
)

// packInput is what an image depends on. What was installed is named by its path: a disk has no digest of its own, it is what its
// step's input made it, and its folder is named by that step's key.
type packInput struct {
	Source string
	Output plan.Output
	About  packaging.About
	source packaging.Source
}

type packResult struct{ Image artifact.Image }

// Files of an image: the image.
func (r packResult) Files() []artifact.File { return []artifact.File{r.Image.File} }

// Pack makes one of the plan's outputs of what was installed; it says itself what the image is about.
func Pack(ctx context.Context, job Job, source packaging.Source, output plan.Output) (artifact.Image, error) {
	source.About = packaging.AboutPlan(job.Plan)
	in := packInput{Output: output, About: source.About, source: source}
	if source.Disk != nil {
		in.Source = source.Disk.Path
	} else if source.Tree != nil {
		in.Source = source.Tree.Path
	} else if source.Medium != nil {
		in.Source = source.Medium.Path
	}
	step := engine.Step[packInput, packResult]{Name: "package", Version: Version("package"), Needs: func(in packInput) engine.Needs { return packNeeds(in.Source, in.Output) }, Run: func(ctx context.Context, in packInput, env engine.Env) (packResult, error) {
		// Named after its plan, so that whoever finds the file in the work folder knows what it is.
		dst := filepath.Join(env.Dir, job.Plan.Name()+"."+in.Output.Format)
		img, err := packaging.Make(ctx, in.source, in.Output, dst, env.Report)
		return packResult{img}, err
	}}
	out, err := engine.Do(ctx, job.Runner, step, in)
	return out.Image, err
}

// PackAll makes all of the plan's outputs of what was installed. With an error it returns those that were made before.
func PackAll(ctx context.Context, job Job, source packaging.Source) ([]artifact.Image, error) {
	var images []artifact.Image
	for _, output := range job.Plan.Outputs {
		img, err := Pack(ctx, job, source, output)
		if err != nil {
			return images, err
		}
		images = append(images, img)
	}
	return images, nil
}
