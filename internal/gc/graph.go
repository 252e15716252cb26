package gc

import (
	"slices"
	"strings"
	"time"
)

// node is an item among the others.
type node struct {
	Item
	needs []*node
	users int       // items that need it and are still there
	last  time.Time // the use of it, or of anything that needs it
	stays bool
	depth int // the longest way down from an item that nothing needs
}

type items struct {
	order []*node // as they may go
}

// graph connects items. What an item needs stays when the item does and was used when the item was, so that nothing goes before what needs it.
func graph(all []Item) items {
	byName := map[string]*node{}
	var g items
	for _, it := range all {
		n := &node{Item: it, last: it.Used, stays: it.Keep != ""}
		byName[it.Name] = n
		g.order = append(g.order, n)
	}
	for _, n := range g.order {
		for _, name := range n.Needs {
			if need := byName[name]; need != nil && need != n {
				n.needs = append(n.needs, need)
				need.users++
			}
		}
	}
	for _, n := range g.order {
		n.lend(0)
	}
	slices.SortStableFunc(g.order, func(a, b *node) int {
		if c := a.last.Compare(b.last); c != 0 {
			return c
		}
		if a.depth != b.depth {
			return a.depth - b.depth
		}
		return strings.Compare(a.Name, b.Name)
	})
	return g
}

// lend gives what n needs n's own use and safety. Needs have no circles: they are files of results that were made earlier; a circle that is there
// all the same ends with its length.
func (n *node) lend(length int) {
	const longest = 100
	if length > longest {
		return
	}
	for _, need := range n.needs {
		deeper := need.depth <= n.depth
		if !deeper && !n.last.After(need.last) && (need.stays || !n.stays) {
			continue // it has all that already
		}
		need.depth = max(need.depth, n.depth+1)
		need.stays = need.stays || n.stays
		if n.last.After(need.last) {
			need.last = n.last
		}
		need.lend(length + 1)
	}
}
