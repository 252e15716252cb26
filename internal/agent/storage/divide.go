package storage

import "slices"

// demand is a piece of a whole: at least base, and more if it grows, up to max (0: no limit).
type demand struct {
	base, max int64
	grow      bool
}

// divide shares out total over the demands. What is left after the bases goes to those that grow, in proportion to their bases as
// Anaconda does, until each has reached its limit. It returns false with what is missing where the bases alone are too much.
func divide(total int64, demands []demand) (sizes []int64, missing int64, ok bool) {
	left := total
	for _, d := range demands {
		sizes = append(sizes, d.base)
		left -= d.base
	}
	if left < 0 {
		return nil, -left, false
	}
	for left > 0 {
		var growing []int
		var weight int64
		for i, d := range demands {
			if d.grow && (d.max == 0 || sizes[i] < d.max) {
				growing = append(growing, i)
				weight += max(d.base, 1)
			}
		}
		if len(growing) == 0 {
			break
		}
		before, pool := left, left
		for _, i := range growing {
			share := min(pool*max(demands[i].base, 1)/weight, left)
			if demands[i].max > 0 {
				share = min(share, demands[i].max-sizes[i])
			}
			sizes[i] += share
			left -= share
		}
		if left == before { // only crumbs are left: the last one that may grow has them
			last := growing[len(growing)-1]
			sizes[last]++
			left--
		}
	}
	return slices.Clip(sizes), 0, true
}
