package publish

import (
	"fmt"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
)

// Names is what an image is called once it is published.
type Names struct {
	File  string   `json:"file"`
	Links []string `json:"links"` // of the newest verified image
}

// NamesOf returns the names that the plan's image has on a date (YYYYMMDD); serial is 0 for the first build of that day.
func NamesOf(p plan.Plan, img artifact.Image, date string, serial int) (Names, error) {
	subject, alias, err := SubjectOf(p, img)
	if err != nil {
		return Names{}, err
	}
	file, err := Name{Subject: subject, Date: date, Serial: serial}.File()
	if err != nil {
		return Names{}, err
	}
	links, err := subject.Links(alias)
	return Names{File: file, Links: links}, err
}

// SubjectOf says what the plan's image is called, and the alias under which it is also linked: the image's name alone if
// the variant is the primary one.
func SubjectOf(p plan.Plan, img artifact.Image) (Subject, string, error) {
	s := Subject{
		Form: Form(p.Naming), Distro: p.DistroName, Release: p.Release, Version: p.Version, Image: p.Image, Arch: p.Arch, Format: img.Format,
	}
	if p.Variant != "" {
		s.Image += "-" + p.Variant
	}
	switch p.Builder {
	case "disk", "pi", "rootfs":
		s.Kind = Cloud
	case "live":
		s.Kind, s.Form = Live, Wiki
	case "media":
		s.Kind, s.Form = Installer, Wiki
	default:
		return Subject{}, "", fmt.Errorf("naming %s: images of the builder %q have no published name", p.Name(), p.Builder)
	}
	if img.Arch != p.Arch {
		return Subject{}, "", fmt.Errorf("naming %s: the image is for %q", p.Name(), img.Arch)
	}
	if err := s.check(); err != nil {
		return Subject{}, "", fmt.Errorf("naming %s: %w", p.Name(), err)
	}
	alias := ""
	if p.Primary && p.Variant != "" && s.Kind == Cloud {
		alias = p.Image
	}
	return s, alias, nil
}
