package matrix

import (
	"errors"
	"fmt"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/strictyaml"
)

// RunFile is a set of images that has a name, as YAML.
type RunFile struct {
	Name          string   `yaml:"name"`          // in reports
	Select        []string `yaml:"select"`        // selectors; an image that any of them means
	Exclude       []string `yaml:"exclude"`       // selectors of what is left out
	Labels        []string `yaml:"labels"`        // only images with one of these
	Architectures []string `yaml:"architectures"` // only these
	Publish       []string `yaml:"publish"`       // trees, unless --publish names others
}

// ParseRunFile reads a run file and checks it against the catalog. The name is for errors, all of which say the line and column.
func ParseRunFile(name string, data []byte, catalog []plan.Pipeline) (RunFile, error) {
	var f RunFile
	if err := strictyaml.Decode(name, data, &f); err != nil {
		return f, err
	}
	var errs []error
	for _, list := range []struct {
		at    string
		words []string
		alone func(string) Selection
	}{
		{"$.select", f.Select, func(w string) Selection { return Selection{Selectors: []string{w}} }},
		{"$.exclude", f.Exclude, func(w string) Selection { return Selection{Selectors: []string{w}} }},
		{"$.labels", f.Labels, func(w string) Selection { return Selection{Labels: []string{w}} }},
		{"$.architectures", f.Architectures, func(w string) Selection { return Selection{Archs: []string{w}} }},
	} {
		for i, w := range list.words {
			if err := list.alone(w).check(catalog); err != nil {
				errs = append(errs, strictyaml.At(name, data, fmt.Sprintf("%s[%d]", list.at, i), err.Error()))
			}
		}
	}
	for i, dir := range f.Publish {
		if dir == "" {
			errs = append(errs, strictyaml.At(name, data, fmt.Sprintf("$.publish[%d]", i), "name a folder"))
		}
	}
	if f.Selection().Empty() {
		errs = append(errs, &strictyaml.Error{File: name, Line: 1, Column: 1, Message: "it selects nothing: give select or labels"})
	}
	return f, errors.Join(errs...)
}

// Selection is what the file selects.
func (f RunFile) Selection() Selection {
	return Selection{Selectors: f.Select, Exclude: f.Exclude, Labels: f.Labels, Archs: f.Architectures}
}
