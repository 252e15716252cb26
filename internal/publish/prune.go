package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/progress"
)

// PruneOptions say how much stays.
type PruneOptions struct {
	Keep   int  // newest images of each series (image, architecture and format); at least 1
	DryRun bool // say what would go, and change nothing
	Report progress.Func
}

// Pruned is what was removed, or would be.
type Pruned struct {
	Dir     string         `json:"dir"`
	DryRun  bool           `json:"dryRun,omitempty"`
	Removed []RemovedImage `json:"removed"` // in the order of their names
	Bytes   int64          `json:"bytes"`   // of the removed images
	Kept    int            `json:"kept"`    // images that stay
	Linked  []string       `json:"linked"`  // older images that stay because a link means them
}

// RemovedImage is an image that went with its checksum and report.
type RemovedImage struct {
	File string `json:"file"`
	Size int64  `json:"size"` // bytes
}

// Prune implements Keeper. It removes dated images with a checksum that fits them, beyond the newest of each series. What any symbolic link
// of the tree means stays, so do installers without a date, and whatever Quarry did not publish.
func (t *tree) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	if o.Keep < 1 {
		return Pruned{}, errors.New("pruning: at least one image of each has to stay")
	}
	dir, err := t.existing()
	if err != nil {
		return Pruned{}, fmt.Errorf("pruning: %w", err)
	}
	var result Pruned
	if o.DryRun {
		_, err = t.look(ctx, o.Report, func(locked *tree, now state) error {
			result = locked.old(now, o.Keep)
			return nil
		})
	} else {
		_, err = t.change(ctx, o.Report, func(locked *tree, now state) ([]step, error) {
			result = locked.old(now, o.Keep)
			return locked.remove(now, result.Removed)
		})
	}
	if err != nil {
		return Pruned{}, fmt.Errorf("pruning %s: %w", dir, explain(err))
	}
	result.DryRun = o.DryRun
	return result, nil
}

// old lists what keeping the newest leaves over.
func (t *tree) old(now state, keep int) Pruned {
	result := Pruned{Dir: t.dir, Removed: []RemovedImage{}, Linked: []string{}}
	meant := t.meant(now)
	for _, of := range now.builds() {
		for i, b := range of {
			switch {
			case i >= keep && b.name.Date != "" && !meant[b.sum.Name]:
				result.Removed = append(result.Removed, RemovedImage{b.sum.Name, b.sum.Size})
				result.Bytes += b.sum.Size
				continue
			case i >= keep && meant[b.sum.Name]:
				result.Linked = append(result.Linked, b.sum.Name)
			}
			result.Kept++
		}
	}
	slices.SortFunc(result.Removed, func(a, b RemovedImage) int { return strings.Compare(a.File, b.File) })
	slices.Sort(result.Linked)
	return result
}

// meant are the names of the tree that a link says, however it spells them.
func (t *tree) meant(now state) map[string]bool {
	meant := map[string]bool{}
	for _, target := range now.links {
		if !filepath.IsAbs(target) {
			target = t.path(target)
		}
		// Of a path from elsewhere the name alone may already be too much to keep, but never too little.
		meant[filepath.Base(target)] = true
	}
	return meant
}

// remove stages CHECKSUM without the images and lists the steps that take them away. A reader never finds a checksum without its file.
func (t *tree) remove(now state, images []RemovedImage) ([]step, error) {
	if len(images) == 0 {
		return nil, nil
	}
	for _, dir := range []string{stagingDir, reportsDir} {
		if err := os.MkdirAll(t.own(dir), 0o755); err != nil {
			return nil, err
		}
	}
	for _, image := range images {
		delete(now.sums, image.File)
	}
	s := &stage{tree: t}
	if err := s.moves(now, nil); err != nil {
		return nil, err
	}
	for _, image := range images {
		s.steps = append(s.steps,
			step{Remove: true, Name: image.File + checksumSuffix},
			step{Remove: true, Name: image.File},
			step{Remove: true, Name: image.File, Report: true})
	}
	return s.steps, s.sealed()
}
