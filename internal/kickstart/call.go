package kickstart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// call is one occurrence of a command while it is being read and checked.
type call struct {
	*arguments
	spec   *Spec
	name   string // as written
	start  int    // where in the line it begins
	after  string // the text of the line after the name, trimmed, its comment too
	file   *File  // what stands before this line
	failed bool
	unique string // what no later occurrence should repeat; "": nothing
}

// fail reports an error; dest says which argument is to blame, "" the command itself.
func (c *call) fail(dest, message string, hint ...string) {
	c.report(c.given[dest], message, strings.Join(hint, " "))
}

// need reports an error unless ok holds.
func (c *call) need(ok bool, dest, message string, hint ...string) {
	if !ok {
		c.fail(dest, message, hint...)
	}
}

// apart reports an error when both destinations have a value.
func (c *call) apart(dest, with string) {
	if !c.values.empty(dest) && !c.values.empty(with) {
		c.fail(with, fmt.Sprintf("%s and %s can't be used together", c.optionName(dest), c.optionName(with)))
	}
}

// exactlyOne reports an error unless exactly one of the destinations has a value.
func (c *call) exactlyOne(dests ...string) {
	if c.values.count(dests...) == 1 {
		return
	}
	var names []string
	for _, dest := range dests {
		names = append(names, c.optionName(dest))
	}
	c.fail("", c.name+" needs exactly one of "+strings.Join(names, ", "))
}

// optionName is the option that sets dest, as people write it.
func (c *call) optionName(dest string) string {
	for _, o := range c.options {
		if o.Dest == dest {
			return o.Names[0]
		}
	}
	for i := range c.args {
		if c.args[i].Dest == dest {
			return c.args[i].Names[0]
		}
	}
	return dest
}

// otherwise sets a value that wasn't given.
func (c *call) otherwise(dest, value string) {
	if c.values.empty(dest) && value != "" {
		c.values[dest] = value
	}
}

// merged is the command's state before this line with this line's values laid over it.
func (c *call) merged() Values {
	state := Values{}
	maps.Copy(state, c.file.state(c.spec.attr()))
	state.amend(c.values, c.spec.Options)
	return state
}

// duplicate warns when an earlier occurrence has the same values at all the destinations.
func (c *call) duplicate(what string, dests ...string) {
	key := c.spec.attr()
	for _, dest := range dests {
		key += "\x00" + c.values.Text(dest)
	}
	if first, ok := c.file.unique[key]; ok {
		c.warn(c.given[dests[0]], fmt.Sprintf("%s %q is already defined", what, c.values.Text(dests[0])), "the first stands at "+first.String())
		return
	}
	c.unique = key
}

func (s *Spec) attr() string {
	if s.Attr != "" {
		return s.Attr
	}
	return s.Names[0]
}

// rejectExtra reports words that fit nowhere.
func (c *call) rejectExtra() {
	const shown = 20
	for i, w := range c.extra {
		if i == shown {
			c.report(w.at, fmt.Sprintf("%d more arguments don't fit", len(c.extra)-shown), "")
			return
		}
		if strings.HasPrefix(w.text, "-") {
			name, _, _ := strings.Cut(w.text, "=")
			c.report(w.at, fmt.Sprintf("%s has no option %s in %s", c.name, name, c.version), c.optionHint(name))
		} else {
			c.report(w.at, "unexpected argument"+c.shown(w), c.argumentHint())
		}
	}
}

// shown is a word for a message, unless it may be a secret.
func (c *call) shown(w word) string {
	if slices.ContainsFunc(slices.Concat(c.spec.Args, c.spec.Options), func(o Option) bool { return o.Secret }) {
		return ""
	}
	return fmt.Sprintf(" %q", w.text)
}

func (c *call) optionHint(name string) string {
	var names []string
	for _, o := range c.options {
		names = append(names, o.Names...)
	}
	for i := range c.spec.Options {
		o := &c.spec.Options[i]
		if !o.Known(c.version) && o.Names[0] == name {
			return "only in " + Span(o.Since, o.Until)
		}
	}
	if near := nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	if len(names) == 0 {
		return c.name + " has no options"
	}
	return "allowed: " + strings.Join(names, " ")
}

func (c *call) argumentHint() string {
	if len(c.args) == 0 {
		return c.name + " takes options only"
	}
	return "a value with spaces needs quotation marks"
}

// Span says in words for which versions something exists; 0 is no bound.
func Span(since, until Version) string {
	switch {
	case since == 0 && until == 0:
		return "all versions"
	case until == 0:
		return since.String() + " and later"
	case since == 0:
		return until.String() + " and earlier"
	case since == until:
		return since.String()
	}
	return since.String() + " to " + until.String()
}

// nearest finds the name that differs least, if any is near enough to be a slip of the fingers.
func nearest(name string, names []string) string {
	best, limit := "", len(name)/3+1
	for _, candidate := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate), limit); d < limit || d == limit && best == "" {
			best, limit = candidate, d
		}
	}
	return best
}

// distance is the number of letters to add, drop or change, or more than limit when that is exceeded for sure.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
