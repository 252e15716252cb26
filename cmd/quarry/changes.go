package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/resolve"
)

// change is what is different from the build of an image that was published last.
type change struct {
	Last      string                 `json:"last,omitempty"` // id of that build in the history; empty where there is none
	Published []string               `json:"published,omitempty"`
	Reasons   []string               `json:"reasons"`  // why to build; empty when there is no need to
	Same      string                 `json:"same"`     // what is the same, for people
	Packages  history.PackageChanges `json:"packages"` // of the Lock
	Commit    string                 `json:"commit,omitempty"`
}

// changed compares what an image of p would be made from with what the published one was made from, and looks whether that is still there.
func (s *session) changed(ctx context.Context, h *history.History, p plan.Plan, in builders.Inputs, lock resolve.Lock) (change, error) {
	last, found, err := h.LastPublished(ctx, imageOf(p))
	if err != nil || !found {
		return change{Reasons: []string{"it was never published"}}, err
	}
	c := change{Last: last.ID, Commit: last.Kickstart.Commit}
	for _, a := range last.Artifacts {
		for _, published := range a.Published {
			c.Published = append(c.Published, published.Path)
		}
	}
	before, err := h.Packages(ctx, last.ID, history.Locked)
	if err != nil {
		return c, err
	}
	c.Packages = history.ComparePackages(before, lockedPackages(lock))
	id, err := in.Digest()
	if err != nil {
		return c, err
	}
	if id != last.Inputs {
		c.Reasons = differences(c, in, last, lock)
	}
	for _, dir := range s.publish {
		c.Reasons = append(c.Reasons, s.missing(p, last, dir)...)
	}
	c.Same = fmt.Sprintf("kickstart %s, packages and installer tree %s, pipeline %s", in.Kickstart.Short(), in.Lock.Short(), in.Pipeline.Short())
	return c, nil
}

// differences says in which of its inputs a build differs from the last one.
func differences(c change, in builders.Inputs, last history.Build, lock resolve.Lock) []string {
	var reasons []string
	if in.Kickstart != last.Kickstart.Digest {
		reasons = append(reasons, "the kickstart has changed")
	}
	if !c.Packages.Empty() {
		reasons = append(reasons, "packages: "+counted(c.Packages))
	}
	if lock.Tree.Treeinfo != last.Treeinfo {
		reasons = append(reasons, "the installer tree has changed")
	}
	// The rest is only told by the record beside the build's logs, for as long as they are kept.
	var record struct {
		Inputs builders.Inputs `json:"inputs"`
	}
	if data, err := os.ReadFile(filepath.Join(last.Logs, "build.json")); err == nil && json.Unmarshal(data, &record) == nil {
		for _, name := range in.Differences(record.Inputs) {
			if reason := name + " has changed"; name != "the packages or the installer tree" && !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	if len(reasons) == 0 {
		reasons = []string{"the packages' content, the pipeline or Quarry itself has changed"}
	}
	return reasons
}

// counted is "1 added, 2 updated".
func counted(c history.PackageChanges) string {
	var parts []string
	for _, one := range []struct {
		n    int
		word string
	}{{len(c.Added), "added"}, {len(c.Removed), "removed"}, {len(c.Updated), "updated"}} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", one.n, one.word))
		}
	}
	return strings.Join(parts, ", ")
}

// missing says what of the last build's files is not in a tree as it should be.
func (s *session) missing(p plan.Plan, last history.Build, dir string) []string {
	tree, err := filepath.Abs(dir)
	if err != nil {
		return []string{err.Error()}
	}
	if len(last.Artifacts) == 0 {
		return []string{"the last build's files are not known"}
	}
	for _, a := range last.Artifacts {
		at := slices.IndexFunc(a.Published, func(p history.Publication) bool { return filepath.Dir(p.Path) == tree })
		if at < 0 {
			return []string{"it was not published in " + dir}
		}
		published := a.Published[at]
		if info, err := os.Stat(published.Path); err != nil || info.Size() != a.Size {
			return []string{filepath.Base(published.Path) + " is not in " + dir + " as it was published"}
		}
		if published.Latest || s.noLatest || s.noVerify {
			continue
		}
		// Its links were not moved: as it was not booted, or as nobody asked for it. Images that don't boot have none.
		booted := slices.ContainsFunc(last.Reports, func(r history.Report) bool { return r.Digest == a.Digest && r.Passed })
		if booted || len(last.Reports) == 0 && len(p.Verify.Firmware) > 0 {
			return []string{filepath.Base(published.Path) + " is not the latest"}
		}
	}
	return nil
}

// needed makes the question of a job: build only what has changed.
func (s *session) needed(p plan.Plan) func(context.Context, builders.Inputs, resolve.Lock) error {
	return func(ctx context.Context, in builders.Inputs, lock resolve.Lock) error {
		c, err := s.changed(ctx, s.ledger.history, p, in, lock)
		if err != nil || len(c.Reasons) > 0 || len(s.publish) == 0 {
			return err
		}
		return &builders.Unchanged{Reason: "the same as " + filepath.Base(c.Published[0])}
	}
}
