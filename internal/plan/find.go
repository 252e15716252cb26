package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Request says which image is wanted, and what of its pipeline is overridden.
type Request struct {
	Distro  string
	Release string // "9", or "9.6" for that minor release instead of the pipeline's
	Image   string
	Variant string // "" is the image's primary variant, or its only one
	Arch    string // RPM's name
	Mirror  string // URL instead of the distribution's
	// Repositories are addresses for single repositories, as "ID=URL"; "ID=none" leaves one out.
	Repositories []string
	KeyFiles     []string // instead of the release's keys
	Kickstart    string   // path in the kickstart repository, instead of the pipeline's; $basearch in it is the architecture
	Squash       string   // how a live image is compressed, instead of the pipeline's: see Live; other images have no use for it
}

// RequestError is a request that can't be met whatever the kickstart says: the user has to ask for something else.
type RequestError struct{ Message string }

func (e *RequestError) Error() string { return e.Message }

func refuse(format string, args ...any) error {
	return &RequestError{Message: fmt.Sprintf(format, args...)}
}

// releaseNumber is what the version of a release looks like. It becomes part of URLs and file names.
var releaseNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

// Find returns the pipeline for a request. The error is a *RequestError that says what there is instead.
func (c Catalog) Find(r Request) (Pipeline, error) {
	if !releaseNumber.MatchString(r.Release) {
		return Pipeline{}, refuse("%q is no release: write it like 9 or 9.6", r.Release)
	}
	steps := []struct {
		what, want string
		of         func(Pipeline) string
	}{
		{"distribution", r.Distro, func(p Pipeline) string { return p.release.Distro }},
		{"release", major(r.Release), Pipeline.Release},
		{"image", r.Image, func(p Pipeline) string { return p.image.Image }},
		{"variant", r.Variant, func(p Pipeline) string { return p.image.Variant }},
	}
	left := c.pipelines
	for _, s := range steps {
		var match []Pipeline
		var names []string
		for _, p := range left {
			name := s.of(p)
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			if strings.EqualFold(name, s.want) || s.what == "variant" && s.want == "" && (p.image.Primary || len(left) == 1) {
				match = append(match, p)
			}
		}
		if len(match) == 0 && len(names) == 1 && names[0] == "" {
			return Pipeline{}, refuse("%s has no variants, and so no %q", r.Image, s.want)
		}
		if len(match) == 0 {
			slices.Sort(names)
			return Pipeline{}, refuse("there is no %s %q: want one of %s", s.what, s.want, strings.Join(names, ", "))
		}
		left = match
	}
	p := left[0]
	if archs := p.Architectures(); !slices.Contains(archs, r.Arch) {
		return Pipeline{}, refuse("%s %s is not made for %q: want one of %s", p.release.Distro, strings.Trim(p.image.Image+"-"+p.image.Variant, "-"), r.Arch, strings.Join(archs, ", "))
	}
	return p, nil
}

// major is "9" of "9.6".
func major(release string) string {
	m, _, _ := strings.Cut(release, ".")
	return m
}
