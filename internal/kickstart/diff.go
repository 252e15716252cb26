package kickstart

import (
	"maps"
	"slices"
	"strings"
)

// Change is one difference in meaning between two kickstarts.
type Change struct {
	What   string `json:"what"`             // "command", "package", "script", "addon" or "certificate"
	Before string `json:"before,omitempty"` // canonical text; "": it is new
	After  string `json:"after,omitempty"`  // canonical text; "": it is gone
}

// Diff lists in what two kickstarts differ, whatever they include, say twice or say in another order or spelling: commands
// by name, then scripts, addons, certificates and packages.
func Diff(a, b *File) []Change {
	var changes []Change
	before, after := a.lines(), b.lines()
	attrs := slices.Compact(slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after))...))))
	for _, attr := range attrs {
		changes = append(changes, diffLists("command", before[attr], after[attr], false)...)
	}
	for _, kind := range scriptKinds() {
		changes = append(changes, diffScripts(a.scripts(kind), b.scripts(kind))...)
	}
	changes = append(changes, diffLists("addon", texts(a.Addons), texts(b.Addons), true)...)
	changes = append(changes, diffLists("certificate", texts(a.Certificates), texts(b.Certificates), true)...)
	header, items := a.packageLines()
	newHeader, newItems := b.packageLines()
	changes = append(changes, diffLists("package", header, newHeader, true)...)
	return append(changes, diffLists("package", items, newItems, false)...)
}

// lines are the canonical lines of the commands, by Attr.
func (f *File) lines() map[string][]string {
	lines := map[string][]string{}
	for attr := range f.byAttr {
		var out strings.Builder
		f.printCommands(&out, attr)
		for line := range strings.Lines(out.String()) {
			lines[attr] = append(lines[attr], strings.TrimSpace(line))
		}
	}
	return lines
}

func (f *File) scripts(kind string) (all []string) {
	for _, s := range f.Scripts {
		if s.Kind == kind {
			all = append(all, s.String())
		}
	}
	return all
}

// diffScripts compares scripts of one kind, whose order matters.
func diffScripts(before, after []string) []Change {
	changes := diffLists("script", before, after, true)
	if len(changes) == 0 && !slices.Equal(before, after) {
		return []Change{{"script", strings.Join(before, ""), strings.Join(after, "")}}
	}
	return changes
}

// packageLines are the header of %packages and its lines.
func (f *File) packageLines() (header, items []string) {
	if !f.Packages.Seen {
		return nil, nil
	}
	lines := strings.Split(strings.TrimSuffix(f.Packages.text(f.Version), "\n%end\n"), "\n")
	return lines[:1], lines[1:]
}

func texts[T interface{ String() string }](all []T) (list []string) {
	for _, item := range all {
		list = append(list, item.String())
	}
	return list
}

// diffLists drops what both have, each as often as it is there, and lists the rest. In pairs, what is gone stands beside
// what is new in its place.
func diffLists(what string, before, after []string, pairs bool) (changes []Change) {
	gone, added := subtract(before, after), subtract(after, before)
	pairs = pairs || len(gone) == 1 && len(added) == 1
	for pairs && len(gone) > 0 && len(added) > 0 {
		changes = append(changes, Change{what, gone[0], added[0]})
		gone, added = gone[1:], added[1:]
	}
	for _, text := range gone {
		changes = append(changes, Change{What: what, Before: text})
	}
	for _, text := range added {
		changes = append(changes, Change{What: what, After: text})
	}
	return changes
}

func subtract(all, from []string) (rest []string) {
	left := map[string]int{}
	for _, text := range from {
		left[text]++
	}
	for _, text := range all {
		if left[text] > 0 {
			left[text]--
		} else {
			rest = append(rest, text)
		}
	}
	return rest
}
