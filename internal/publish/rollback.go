package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/progress"
)

// RollbackOptions say which links to move.
type RollbackOptions struct {
	// Image is the image as file names have it, "Rocky-9-GenericCloud-Base", in any case; or its last part alone where that is
	// clear, such as "GenericCloud-Base" or "GenericCloud"; or the name of one of its links.
	Image  string
	Archs  []string // only these; empty is all
	Report progress.Func
}

// RolledBack is what a rollback did.
type RolledBack struct {
	Dir   string      `json:"dir"`
	Links []MovedLink `json:"links"` // in the order of their names
}

// MovedLink is one link that means an older image now.
type MovedLink struct {
	Link    string   `json:"link"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	Skipped []string `json:"skipped,omitempty"` // images in between, and why each can't be latest
}

// Rollback implements Keeper. The build before is the newest older one whose boot report passed; its content is read and compared with its
// checksum before any link moves. All links of the image that are asked for move, or none: one that has no such build is an error.
func (t *tree) Rollback(ctx context.Context, o RollbackOptions) (RolledBack, error) {
	dir, err := t.existing()
	if err != nil {
		return RolledBack{}, fmt.Errorf("rolling back: %w", err)
	}
	result := RolledBack{Dir: dir}
	_, err = t.change(ctx, o.Report, func(locked *tree, now state) ([]step, error) {
		if result.Links, err = locked.chooseOlder(now, o); err != nil {
			return nil, err
		}
		checked := map[string]bool{}
		var moves []move
		for _, l := range result.Links {
			sum := now.sums[l.To]
			if !checked[l.To] {
				if err := locked.same(ctx, sum, o.Report); err != nil {
					return nil, fmt.Errorf("%s is damaged: %w; see quarry fsck", l.To, err)
				}
				checked[l.To] = true
			}
			moves = append(moves, move{l.To, Checksum{Name: l.Link, Size: sum.Size, Digest: sum.Digest}})
		}
		if err := os.MkdirAll(locked.own(stagingDir), 0o755); err != nil {
			return nil, err
		}
		s := &stage{tree: locked}
		if err := s.moves(now, moves); err != nil {
			return nil, err
		}
		return s.steps, s.sealed()
	})
	if err != nil {
		return RolledBack{}, fmt.Errorf("rolling back %s in %s: %w", o.Image, dir, explain(err))
	}
	return result, nil
}

// chooseOlder finds for each link that is asked for what it will mean.
func (t *tree) chooseOlder(now state, o RollbackOptions) ([]MovedLink, error) {
	wanted, err := now.find(o.Image)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for s := range wanted {
		have[s.Arch] = true
	}
	for _, arch := range o.Archs {
		if !have[arch] {
			return nil, fmt.Errorf("there is no link for %s, only for %s", arch, strings.Join(slices.Sorted(maps.Keys(have)), ", "))
		}
	}
	builds := now.builds()
	var moved []MovedLink
	var failures []error
	for _, link := range slices.Sorted(maps.Keys(now.links)) {
		means, ok := now.target(link)
		if !ok || !wanted[means.series()] || len(o.Archs) > 0 && !slices.Contains(o.Archs, means.Arch) {
			continue
		}
		l := MovedLink{Link: link, From: now.links[link]}
		for _, b := range builds[means.series()] {
			if b.name.compare(means) >= 0 {
				continue
			}
			why := t.passed(b.sum)
			if why == nil {
				l.To = b.sum.Name
				break
			}
			l.Skipped = append(l.Skipped, fmt.Sprintf("%s: %v", b.sum.Name, why))
		}
		if l.To == "" {
			err := fmt.Errorf("%s: there is no build before %s that passed", link, l.From)
			if len(l.Skipped) > 0 {
				err = fmt.Errorf("%w (%s)", err, strings.Join(l.Skipped, "; "))
			}
			failures = append(failures, err)
		}
		moved = append(moved, l)
	}
	return moved, errors.Join(failures...)
}

// find returns the series that links of the image mean. An image of several releases or distributions has to be named in full.
func (s state) find(image string) (map[series]bool, error) {
	found, titles, all := map[series]bool{}, map[string]bool{}, map[string]bool{}
	for link := range s.links {
		means, ok := s.target(link)
		if !ok {
			continue
		}
		of := means.series()
		all[of.title()] = true
		alias := linked(link, means)
		for _, name := range []string{link, of.title(), of.Image, alias, of.Distro + "-" + of.Release + "-" + alias} {
			if name != "" && strings.EqualFold(name, image) {
				found[of], titles[of.title()] = true, true
			}
		}
	}
	switch names := strings.Join(slices.Sorted(maps.Keys(titles)), ", "); {
	case len(all) == 0:
		return nil, errors.New("the tree has no links")
	case len(found) == 0:
		return nil, fmt.Errorf("no link means that image: the tree has links of %s", strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	case len(titles) > 1:
		return nil, fmt.Errorf("which of %s is meant?", names)
	}
	return found, nil
}
