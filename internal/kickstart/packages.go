package kickstart

import (
	"fmt"
	"slices"
	"strings"
)

// Packages is what all %packages sections of a file amount to. The options are those of the last section's header, as
// in the installer.
type Packages struct {
	Seen            bool          `json:"seen"`
	Items           []PackageItem `json:"items,omitempty"` // in the order of the file, repetitions too
	ExcludeDocs     bool          `json:"excludeDocs"`
	NoCore          bool          `json:"noCore"`
	ExcludeWeakdeps bool          `json:"excludeWeakdeps"`
	MultiLib        bool          `json:"multiLib"`
	IgnoreMissing   bool          `json:"ignoreMissing"`
	IgnoreBroken    bool          `json:"ignoreBroken"` // never set yet: only later syntax than RHEL 10's has it
	Default         bool          `json:"default"`
	InstLangs       *[]string     `json:"instLangs,omitempty"` // nil: all languages; empty: none
	Retries         *int          `json:"retries,omitempty"`
	Timeout         *int          `json:"timeout,omitempty"` // seconds

	instLangs string // as written
}

// PackageKind says what a line of %packages names.
type PackageKind int

// The kinds of lines in %packages.
const (
	Package     PackageKind = iota // a name, a glob or anything else that dnf understands
	Group                          // @group, also a module stream: @nodejs:18
	Environment                    // @^environment
)

// MarshalText writes "package", "group" or "environment".
func (k PackageKind) MarshalText() ([]byte, error) {
	return []byte([...]string{"package", "group", "environment"}[k]), nil
}

// GroupInclude says which packages of a group are meant.
type GroupInclude int

// The parts of a group: mandatory and default packages; mandatory ones only; all of them.
const (
	GroupDefault GroupInclude = iota
	GroupNoDefaults
	GroupOptional
)

// MarshalText writes "default", "nodefaults" or "optional".
func (g GroupInclude) MarshalText() ([]byte, error) {
	return []byte([...]string{"default", "nodefaults", "optional"}[g]), nil
}

// PackageItem is one line of %packages.
type PackageItem struct {
	Name         string       `json:"name"` // without @, @^ and -
	Kind         PackageKind  `json:"kind"`
	Exclude      bool         `json:"exclude"`
	GroupInclude GroupInclude `json:"groupInclude"`
	Pos          Position     `json:"position"`
}

// PackageSet is what remains of the lines when later ones have amended earlier ones, by the reference's rules.
type PackageSet struct {
	Environment      string
	Groups           []PackageItem // sorted by name
	ExcludedGroups   []string      // sorted
	Packages         []string      // sorted, each once
	ExcludedPackages []string      // sorted, each once
}

// Set resolves the lines: the last environment wins, an exclusion cancels an earlier inclusion and the other way round.
// An excluded group stays listed even when a later line names it again, and the first line of a group decides its parts.
func (p *Packages) Set() PackageSet {
	var s PackageSet
	include, exclude := map[string]bool{}, map[string]bool{}
	for _, item := range p.Items {
		switch {
		case item.Kind == Environment && !item.Exclude:
			s.Environment = item.Name
		case item.Kind == Environment && item.Name != "" && s.Environment == item.Name:
			s.Environment = ""
		case item.Kind == Environment:
			s.ExcludedGroups = append(s.ExcludedGroups, "^"+item.Name)
		case item.Kind == Group && item.Exclude:
			s.Groups = slices.DeleteFunc(s.Groups, func(g PackageItem) bool { return g.Name == item.Name })
			s.ExcludedGroups = append(s.ExcludedGroups, item.Name)
		case item.Kind == Group:
			if !slices.ContainsFunc(s.Groups, func(g PackageItem) bool { return g.Name == item.Name }) {
				s.Groups = append(s.Groups, item)
			}
		case item.Exclude:
			delete(include, item.Name)
			exclude[item.Name] = true
		default:
			delete(exclude, item.Name)
			include[item.Name] = true
		}
	}
	slices.SortStableFunc(s.Groups, func(a, b PackageItem) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(s.ExcludedGroups)
	s.Packages, s.ExcludedPackages = sortedKeys(include), sortedKeys(exclude)
	return s
}

func sortedKeys(m map[string]bool) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// groupOptions are the options of a line @group.
func groupOptions() []Option { return []Option{flag("--nodefaults"), flag("--optional")} }

// packageLine reads one line of %packages.
func (p *parser) packageLine(l line) {
	if !p.room(l) {
		return
	}
	content, _, _ := strings.Cut(trimEnd(l.text), "#")
	name := trimSpace(content)
	at := len(content) - len(trimLeftSpace(content))
	item := PackageItem{Pos: l.at(at)}
	if cut, ok := strings.CutPrefix(name, "-"); ok {
		item.Exclude, name = true, cut
	}
	switch {
	case strings.HasPrefix(name, "@^"):
		item.Kind, item.Name = Environment, name[2:]
	case strings.HasPrefix(name, "@") && item.Exclude:
		item.Kind, item.Name = Group, name[1:]
	case strings.HasPrefix(name, "@"):
		item.Kind = Group
		p.groupLine(l, at+1, name[1:], &item)
	default:
		item.Name = name
	}
	if item.Exclude && name == "" {
		p.report(Error, l, at, "a dash without a name", "write -NAME to leave a package out")
		return
	}
	p.doubtName(l, at, item)
	p.file.Packages.Items = append(p.file.Packages.Items, item)
}

// doubtName warns of options and further names, which the installer takes for a part of the name that it then doesn't find.
func (p *parser) doubtName(l line, at int, item PackageItem) {
	words := strings.FieldsFunc(item.Name, isSpace)
	option := slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, "-") })
	switch {
	case item.Kind != Package && option:
		p.report(Warning, l, at, fmt.Sprintf("the option is read as part of the name %q", item.Name), "a group has the options --nodefaults and --optional, an environment none")
	case item.Kind == Package && (option || len(words) > 1 && !strings.ContainsAny(item.Name, "<>=(")): // dnf understands "vim >= 9"
		p.report(Warning, l, at, fmt.Sprintf("%q can't be the name of a package", item.Name), "write one name a line, and options into the line %packages")
	}
}

func (p *parser) groupLine(l line, at int, name string, item *PackageItem) {
	var words []word
	for field := range strings.FieldsFuncSeq(name, isSpace) {
		words = append(words, word{field, at})
	}
	a := p.newArguments(l, words)
	a.parse(nil, groupOptions())
	var names []string
	for _, w := range a.extra {
		names = append(names, w.text)
	}
	item.Name = strings.Join(names, " ")
	switch {
	case a.values.Bool("nodefaults") && a.values.Bool("optional"):
		p.report(Error, l, at-1, "a group can't have both --nodefaults and --optional", "")
	case a.values.Bool("nodefaults"):
		item.GroupInclude = GroupNoDefaults
	case a.values.Bool("optional"):
		item.GroupInclude = GroupOptional
	}
}

// text is the section in canonical form: environment, groups, packages and exclusions, each sorted.
func (p *Packages) text(v Version) string {
	values := Values{
		"default": p.Default, "excludedocs": p.ExcludeDocs, "nocore": p.NoCore, "ignoremissing": p.IgnoreMissing,
		"multilib": p.MultiLib, "exclude_weakdeps": p.ExcludeWeakdeps,
	}
	if p.Timeout != nil {
		values["timeout"] = int64(*p.Timeout)
	}
	if p.Retries != nil {
		values["retries"] = int64(*p.Retries)
	}
	out := &printer{words: []string{"%packages"}}
	out.options(packagesOptions(), values, v)
	if p.InstLangs != nil && v == RHEL8 {
		out.option("--instLangs", p.instLangs)
	} else if p.InstLangs != nil {
		out.option("--inst-langs", p.instLangs)
	}
	set := p.Set()
	if p.Default {
		set.Environment = ""
	}
	return printSection(out, set.String())
}

// String is the set as lines of %packages.
func (s PackageSet) String() string {
	var b strings.Builder
	// An exclusion that an inclusion follows has to stay before it: the other way round it would cancel it.
	late := slices.DeleteFunc(slices.Clone(s.ExcludedGroups), func(name string) bool {
		early := name == "^"+s.Environment || slices.ContainsFunc(s.Groups, func(g PackageItem) bool { return g.Name == name })
		if early {
			b.WriteString("-@" + name + "\n")
		}
		return early
	})
	if s.Environment != "" {
		b.WriteString("@^" + s.Environment + "\n")
	}
	for _, g := range s.Groups {
		b.WriteString("@" + g.Name + map[GroupInclude]string{GroupNoDefaults: " --nodefaults", GroupOptional: " --optional"}[g.GroupInclude] + "\n")
	}
	for _, name := range s.Packages {
		b.WriteString(name + "\n")
	}
	for _, name := range late {
		b.WriteString("-@" + name + "\n")
	}
	for _, name := range s.ExcludedPackages {
		b.WriteString("-" + name + "\n")
	}
	return b.String()
}
