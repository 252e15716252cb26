package source

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/strictyaml"
)

// Catalog is what sources.yaml lists: where kickstart repositories are.
type Catalog map[string]Entry

// Entry is one source of the catalog.
type Entry struct {
	URLs     []string          `yaml:"urls"`     // upstream first, then mirrors
	Branches map[string]string `yaml:"branches"` // by release
}

// LoadCatalog reads sources.yaml from the root of files.
func LoadCatalog(files fs.FS) (Catalog, error) {
	const name = "sources.yaml"
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("reading the list of kickstart sources: %w", err)
	}
	var c Catalog
	if err := strictyaml.Decode(name, data, &c); err != nil {
		return nil, err
	}
	for source, e := range c {
		if source == OwnName {
			return nil, fmt.Errorf("%s: the name %q is Quarry's own kickstarts'", name, OwnName)
		}
		if len(e.URLs) == 0 || len(e.Branches) == 0 {
			return nil, fmt.Errorf("%s: %s needs urls and branches", name, source)
		}
	}
	return c, nil
}

// Find returns a source and its branch for a release.
func (c Catalog) Find(name, release string) (Source, string, error) {
	e, ok := c[name]
	if !ok {
		return Source{}, "", fmt.Errorf("there is no kickstart source %q: sources.yaml has %s", name, strings.Join(slices.Sorted(maps.Keys(c)), ", "))
	}
	branch, ok := e.Branches[release]
	if !ok {
		return Source{}, "", fmt.Errorf("the kickstart source %s has no branch for release %s, only for %s", name, release,
			strings.Join(slices.Sorted(maps.Keys(e.Branches)), ", "))
	}
	return Source{Name: name, URLs: e.URLs}, branch, nil
}
