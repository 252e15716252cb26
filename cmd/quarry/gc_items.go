package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/gc"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/store"
)

// Kinds of what quarry gc may remove.
const (
	kindResults   = "results of steps"
	kindDownloads = "downloads"
	kindMetadata  = "dnf's metadata"
	kindAgents    = "agents"
	kindLogs      = "logs"
)

// inventory is what is on the disk, and the right to remove what builds share.
type inventory struct {
	items []gc.Item
	// alone is the store while nobody else uses it, nil where a build is running: then downloads, metadata and agents stay.
	alone *store.Upkeep
}

func (i *inventory) close() error {
	if i.alone == nil {
		return nil
	}
	return i.alone.Close()
}

// takeInventory lists all that quarry gc may look at. What the newest runs used stays, as many as keepRuns.
func takeInventory(ctx context.Context, dirs folders, h *history.History, keepRuns int) (*inventory, error) {
	var inv inventory
	var err error
	// First the right, then the lists: no build that begins after this one can use what is on a list and not kept.
	if inv.alone, err = store.Alone(dirs.store()); err != nil {
		return nil, err
	}
	roots, err := h.Roots(ctx, keepRuns)
	if err == nil {
		err = errors.Join(inv.results(dirs, roots), inv.downloads(dirs), inv.shared(dirs, roots), inv.logs(ctx, dirs, h, roots))
	}
	if err != nil {
		return nil, errors.Join(err, inv.close())
	}
	return &inv, nil
}

// results lists the results of steps.
func (i *inventory) results(dirs folders, roots []history.Root) error {
	kept := map[string]string{}
	for _, r := range roots {
		for _, dir := range r.Dirs {
			kept[dir] = r.Reason
		}
	}
	all, err := engine.Results(dirs.steps())
	for _, s := range all {
		i.items = append(i.items, gc.Item{
			Kind: kindResults, Name: s.Dir, Size: s.Size, Used: s.Used, Keep: kept[s.Dir], Needs: append(parents(dirs, s.Needs), s.Needs...),
			Remove: func(ctx context.Context) (bool, error) { return engine.Discard(ctx, s, install.Remove) },
		})
	}
	return err
}

// parents are the folders of the results that some files lie in.
func parents(dirs folders, files []string) []string {
	var all []string
	for _, file := range files {
		for dir := filepath.Dir(file); len(dir) > len(dirs.steps()); dir = filepath.Dir(dir) {
			if filepath.Dir(dir) == dirs.steps() {
				all = append(all, dir)
			}
		}
	}
	return all
}

// whileBuilding is why things stay that all builds share.
func (i *inventory) whileBuilding() string {
	if i.alone == nil {
		return "a build is running"
	}
	return ""
}

// downloads lists the store.
func (i *inventory) downloads(dirs folders) error {
	all, err := store.List(dirs.store())
	for _, f := range all {
		i.items = append(i.items, gc.Item{
			Kind: kindDownloads, Name: f.Path, Size: f.Size, Used: f.Used, Keep: i.whileBuilding(),
			Remove: func(context.Context) (bool, error) { return true, i.alone.Remove(f) },
		})
	}
	return err
}

// shared lists dnf's metadata and the agents. Who uses them has the store open; which build used which is not known, only when that was.
func (i *inventory) shared(dirs folders, roots []history.Root) error {
	var oldest time.Time
	for _, r := range roots {
		if r.Recent && (oldest.IsZero() || r.Started.Before(oldest)) {
			oldest = r.Started
		}
	}
	keep := func(used time.Time) string {
		if !oldest.IsZero() && !used.Before(oldest) {
			return "used since the oldest run that is kept"
		}
		return i.whileBuilding()
	}
	byTime := func(path string) string { return keep(changed(path)) }
	return errors.Join(
		i.entries(kindAgents, dirs.agents(), byTime),
		i.entries(kindMetadata, filepath.Join(dirs.cache, "dnf"), byTime))
}

// logs lists the folders of logs.
func (i *inventory) logs(ctx context.Context, dirs folders, h *history.History, roots []history.Root) error {
	builds, err := h.Builds(ctx, history.Filter{})
	if err != nil {
		return err
	}
	kept, known := map[string]string{}, map[string]bool{}
	for _, b := range builds {
		known[filepath.Base(b.Logs)] = true
	}
	for _, r := range roots {
		kept[filepath.Base(r.Logs)] = r.Reason
	}
	return i.entries(kindLogs, dirs.logs(), func(path string) string {
		name := filepath.Base(path)
		if reason := kept[name]; reason != "" || known[name] {
			return reason
		}
		// Of quarry verify, or of a build that is just about to be written into the history.
		if time.Since(changed(path)) < 24*time.Hour {
			return "it is from today"
		}
		return ""
	})
}

// entries lists what is in a folder of its own.
func (i *inventory) entries(kind, dir string, keep func(path string) string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for %s: %w", kind, err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		i.items = append(i.items, gc.Item{
			Kind: kind, Name: path, Size: engine.Size(path), Used: changed(path), Keep: keep(path),
			Remove: func(context.Context) (bool, error) { return true, os.RemoveAll(path) },
		})
	}
	return nil
}

// changed is when a file, or one in a folder, was changed last.
func changed(path string) time.Time {
	var last time.Time
	// What can't be read is not counted.
	_ = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		if info, err := e.Info(); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
		return nil
	})
	return last
}
