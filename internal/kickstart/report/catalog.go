package report

import (
	"slices"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// Entry is what is known of one command or section, for programs.
type Entry struct {
	Name      string                       `json:"name"` // a section's has its percent sign
	Aliases   []string                     `json:"aliases,omitempty"`
	Help      string                       `json:"help"`
	Versions  map[kickstart.Version]string `json:"versions"` // "supported", "deprecated", "removed" or "absent"
	Repeats   bool                         `json:"repeats,omitempty"`
	Conflicts []string                     `json:"conflicts,omitempty"` // commands that can't stand before this one
	Arguments []Option                     `json:"arguments"`           // positional, in order
	Options   []Option                     `json:"options"`
}

// Option is one option or positional argument of an Entry. A version that is 0 is left out and bounds nothing.
type Option struct {
	Names      []string          `json:"names"`
	Kind       string            `json:"kind"` // see [kickstart.Kind]
	Choices    []string          `json:"choices,omitempty"`
	Required   bool              `json:"required,omitempty"`
	Secret     bool              `json:"secret,omitempty"`
	Since      kickstart.Version `json:"since,omitempty"`
	Until      kickstart.Version `json:"until,omitempty"`
	Deprecated kickstart.Version `json:"deprecated,omitempty"` // from this version on it warns
	Instead    string            `json:"instead,omitempty"`
}

// Catalog lists all commands, then all sections.
func Catalog() (all []Entry) {
	for _, spec := range kickstart.Commands() {
		all = append(all, Entry{
			Name: spec.Names[0], Aliases: spec.Names[1:], Help: spec.Help, Versions: map[kickstart.Version]string{},
			Repeats: spec.Repeats, Conflicts: spec.Conflicts, Arguments: options(spec.Args), Options: options(spec.Options),
		})
		for _, v := range kickstart.Versions() {
			all[len(all)-1].Versions[v] = supported(spec.State(v))
		}
	}
	for _, section := range kickstart.Sections() {
		entry := Entry{
			Name: section.Name, Help: section.Help, Versions: map[kickstart.Version]string{},
			Arguments: options(nil), Options: options(section.Options),
		}
		for _, v := range kickstart.Versions() {
			entry.Versions[v] = "supported"
			if section.Deprecated != 0 && v >= section.Deprecated {
				entry.Versions[v] = "deprecated"
			}
		}
		all = append(all, entry)
	}
	return all
}

// Find is the part of the Catalog that the name means, empty when there is none. A section's percent sign may be missing.
func Find(name string) (found []Entry) {
	for _, entry := range Catalog() {
		if entry.Name == name || entry.Name == "%"+name || slices.Contains(entry.Aliases, name) {
			found = append(found, entry)
		}
	}
	return found
}

func supported(state string) string {
	if state == "" {
		return "supported"
	}
	return state
}

// options is never nil, so that programs always find an array.
func options(table []kickstart.Option) []Option {
	all := make([]Option, 0, len(table))
	for _, o := range table {
		all = append(all, Option{
			Names: o.Names, Kind: o.Kind.String(), Choices: o.Choices, Required: o.Required, Secret: o.Secret,
			Since: o.Since, Until: o.Until, Deprecated: o.Deprecated, Instead: o.Instead,
		})
	}
	return all
}

// Release is what one kickstart version has: the commands that work, that only warn, and that are errors by now.
type Release struct {
	Version    kickstart.Version `json:"version"`
	Commands   []string          `json:"commands"`
	Deprecated []string          `json:"deprecated"`
	Removed    []string          `json:"removed"`
}

// Releases are all versions, oldest first.
func Releases() (all []Release) {
	for _, v := range kickstart.Versions() {
		names := map[string][]string{"": {}, "deprecated": {}, "removed": {}}
		for _, spec := range kickstart.Commands() {
			state := spec.State(v)
			names[state] = append(names[state], spec.Names...)
		}
		all = append(all, Release{v, names[""], names["deprecated"], names["removed"]})
	}
	return all
}
