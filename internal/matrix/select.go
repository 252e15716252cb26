package matrix

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/plan"
)

// Selection says which of the catalog's images are meant: those that fulfil every condition. A condition that is empty is fulfilled. Names are
// compared without regard to case, and may be globs as in path.Match.
type Selection struct {
	// Selectors are DISTRO/RELEASE/IMAGE/ARCH, of which parts at the end may be left out. IMAGE is an image's name with its variant
	// or without it. One part alone may also be a build's name, with its architecture or without it, as quarry watch --names has it.
	Selectors []string
	Exclude   []string // selectors of what is not meant after all
	Distros   []string
	Releases  []string
	Images    []string
	Variants  []string
	Archs     []string
	Labels    []string
}

// Empty reports whether there is no condition at all.
func (s Selection) Empty() bool {
	return len(s.Selectors)+len(s.Distros)+len(s.Releases)+len(s.Images)+len(s.Variants)+len(s.Archs)+len(s.Labels) == 0
}

// SelectorError is a selector that is none, or that no image fulfils.
type SelectorError struct {
	Selector string
	Message  string
}

func (e *SelectorError) Error() string { return fmt.Sprintf("%q: %s", e.Selector, e.Message) }

// Select returns the builds that are meant, in the order of the catalog. Whatever of the selection no image of the catalog fulfils is
// an error, a *SelectorError: it would be forgotten silently. So is a selection of nothing.
func (s Selection) Select(catalog []plan.Pipeline) ([]Build, error) {
	if err := s.check(catalog); err != nil {
		return nil, err
	}
	var builds []Build
	for _, p := range catalog {
		for _, arch := range p.Architectures() {
			b := Build{Distro: p.Distro(), Release: p.Release(), Image: p.Image(), Variant: p.Variant(), Arch: arch}
			if s.means(b, p.Labels()) {
				builds = append(builds, b)
			}
		}
	}
	if len(builds) == 0 {
		return nil, fmt.Errorf("no image is all of that at once")
	}
	return builds, nil
}

// means reports whether the build fulfils every condition.
func (s Selection) means(b Build, labels []string) bool {
	fulfils := func(selector string) bool { return selects(selector, b) }
	return among(s.Distros, b.Distro) && among(s.Releases, b.Release) && among(s.Images, b.Image, b.full()) && among(s.Variants, b.Variant) &&
		among(s.Archs, b.Arch) && among(s.Labels, labels...) &&
		(len(s.Selectors) == 0 || slices.ContainsFunc(s.Selectors, fulfils)) && !slices.ContainsFunc(s.Exclude, fulfils)
}

// full is the image with its variant.
func (b Build) full() string { return strings.TrimSuffix(b.Image+"-"+b.Variant, "-") }

// among reports whether any of the names is one of those wanted; whatever is, if none is.
func among(wanted []string, names ...string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return match(w, n) })
	})
}

// selects reports whether the build is one that the selector means.
func selects(selector string, b Build) bool {
	parts := strings.Split(selector, "/")
	names := [][]string{{b.Distro}, {b.Release}, {b.full(), b.Image}, {b.Arch}}
	if len(parts) > len(names) {
		return false
	}
	if len(parts) == 1 && among(parts, b.Title(), b.Name()) {
		return true
	}
	for i, part := range parts {
		if !among([]string{part}, names[i]...) {
			return false
		}
	}
	return true
}

func match(pattern, name string) bool {
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(name))
	return err == nil && ok
}

// check finds what makes no sense or finds nothing.
func (s Selection) check(catalog []plan.Pipeline) error {
	for _, one := range []struct {
		wanted []string
		what   string
		alone  func(string) Selection
	}{
		{s.Selectors, "selector", func(w string) Selection { return Selection{Selectors: []string{w}} }},
		{s.Exclude, "selector", func(w string) Selection { return Selection{Selectors: []string{w}} }},
		{s.Distros, "distribution", func(w string) Selection { return Selection{Distros: []string{w}} }},
		{s.Releases, "release", func(w string) Selection { return Selection{Releases: []string{w}} }},
		{s.Images, "image", func(w string) Selection { return Selection{Images: []string{w}} }},
		{s.Variants, "variant", func(w string) Selection { return Selection{Variants: []string{w}} }},
		{s.Archs, "architecture", func(w string) Selection { return Selection{Archs: []string{w}} }},
		{s.Labels, "label", func(w string) Selection { return Selection{Labels: []string{w}} }},
	} {
		for _, w := range one.wanted {
			if err := wellFormed(w, one.what); err != nil {
				return err
			}
			if !one.alone(w).any(catalog) {
				return &SelectorError{w, "no image of the catalog has this " + one.what + "; quarry images lists them"}
			}
		}
	}
	return nil
}

// any reports whether the catalog has something that fulfils s.
func (s Selection) any(catalog []plan.Pipeline) bool {
	return slices.ContainsFunc(catalog, func(p plan.Pipeline) bool {
		return slices.ContainsFunc(p.Architectures(), func(arch string) bool {
			return s.means(Build{Distro: p.Distro(), Release: p.Release(), Image: p.Image(), Variant: p.Variant(), Arch: arch}, p.Labels())
		})
	})
}

func wellFormed(word, what string) error {
	parts := []string{word}
	if what == "selector" {
		parts = strings.Split(word, "/")
	}
	if len(parts) > 4 {
		return &SelectorError{word, "want at most DISTRO/RELEASE/IMAGE/ARCH"}
	}
	for _, part := range parts {
		if part == "" {
			return &SelectorError{word, "a part of it is empty; * is any"}
		}
		if _, err := path.Match(part, ""); err != nil {
			return &SelectorError{word, "it is no glob: a [ is never closed"}
		}
	}
	return nil
}

// Both returns what is in both sets, in the order of the first.
func Both(a, b []Build) []Build {
	return slices.DeleteFunc(slices.Clone(a), func(one Build) bool { return !slices.Contains(b, one) })
}
