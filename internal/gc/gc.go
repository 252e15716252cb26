// Package gc decides what of many things on a disk is removed, and has it removed: what must stay stays, what something that stays needs
// stays, and the rest goes, what was not used for the longest time first, until a budget is met. It doesn't know what the things are.
package gc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Item is one thing that takes room.
type Item struct {
	Kind string // for the report: "results", "logs"
	Name string // a path: no two items have the same
	Size int64  // bytes
	Used time.Time
	Keep string // why it must stay; empty when it may go
	// Needs are the names of what it can't be used without; names that are no item's mean nothing.
	Needs []string
	// Remove removes it; false means that it found somebody using it and left it alone.
	Remove func(context.Context) (bool, error)
}

// Options are how much goes.
type Options struct {
	MaxSize int64 // bytes that all items may take together; negative removes everything that need not stay
	DryRun  bool  // remove nothing, and say what would be
}

// Kind is what became of the items of a kind.
type Kind struct {
	Kind    string `json:"kind"`
	Removed int    `json:"removed"`
	Freed   int64  `json:"freed"` // bytes
	Left    int    `json:"left"`
	Size    int64  `json:"size"`  // bytes that are left
	InUse   int    `json:"inUse"` // of those left, what could have gone but for somebody who uses it
}

// Removed is one thing that went.
type Removed struct {
	Kind string    `json:"kind"`
	Name string    `json:"name"`
	Size int64     `json:"size"` // bytes
	Used time.Time `json:"used"`
}

// Result is what was done; on a dry run, what would be.
type Result struct {
	Kinds   []Kind    `json:"kinds"`   // sorted
	Removed []Removed `json:"removed"` // in order
	Freed   int64     `json:"freed"`   // bytes
	Size    int64     `json:"size"`    // bytes that are left
	Over    int64     `json:"over"`    // bytes that are left beyond the budget: nothing more could go
}

// Collect removes items. It goes on after one that can't be removed, and stops when ctx ends; Result says what was done until then.
func Collect(ctx context.Context, items []Item, o Options) (Result, error) {
	g := graph(items)
	r := Result{Kinds: []Kind{}, Removed: []Removed{}} // lists, also in JSON
	var errs []error
	kinds := map[string]*Kind{}
	for _, it := range g.order {
		k := kinds[it.Kind]
		if k == nil {
			k = &Kind{Kind: it.Kind}
			kinds[it.Kind] = k
		}
		k.Left++
		k.Size += it.Size
		r.Size += it.Size
	}
	for _, it := range g.order {
		if o.MaxSize >= 0 && r.Size <= o.MaxSize {
			break
		}
		if it.stays || it.users > 0 {
			continue // users come first in the order: those that are still there stay
		}
		if err := context.Cause(ctx); err != nil {
			errs = append(errs, err)
			break
		}
		k := kinds[it.Kind]
		if !o.DryRun {
			gone, err := it.Remove(ctx)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if !gone {
				k.InUse++
				continue
			}
		}
		for _, need := range it.needs {
			need.users--
		}
		k.Removed++
		k.Left--
		k.Freed += it.Size
		k.Size -= it.Size
		r.Size -= it.Size
		r.Freed += it.Size
		r.Removed = append(r.Removed, Removed{Kind: it.Kind, Name: it.Name, Size: it.Size, Used: it.last})
	}
	for _, k := range kinds {
		r.Kinds = append(r.Kinds, *k)
	}
	slices.SortFunc(r.Kinds, func(a, b Kind) int { return strings.Compare(a.Kind, b.Kind) })
	if o.MaxSize >= 0 {
		r.Over = max(0, r.Size-o.MaxSize)
	}
	return r, errors.Join(errs...)
}
