package kickstart

import "slices"

// Commands are the tables of every command of every version, sorted by name. They must not be changed.
func Commands() []*Spec {
	all := allCommands()
	slices.SortFunc(all, func(a, b *Spec) int { return slices.Compare(a.Names, b.Names) })
	return all
}

// Section is what is known of a section.
type Section struct {
	Name       string // with its percent sign
	Help       string
	Options    []Option // nil when its header is free
	Deprecated Version  // from this version on it warns; 0: never
}

// Sections are all sections of every version.
func Sections() (all []Section) {
	for _, s := range allSections() {
		all = append(all, Section{s.Name, s.Help, s.Options, s.Deprecated})
	}
	return all
}

// State says what the version makes of the command: "" when it works, "deprecated" when it warns and does nothing,
// "removed" when it is an error, "absent" when the version doesn't know it.
func (s *Spec) State(v Version) string {
	switch {
	case !s.Known(v):
		return "absent"
	case s.Removed != 0 && v >= s.Removed:
		return "removed"
	case s.Ignored != 0 && v >= s.Ignored:
		return "deprecated"
	}
	return ""
}
