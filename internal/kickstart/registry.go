package kickstart

import (
	"slices"
	"strings"
	"sync"
)

// table is what one version knows.
type table struct {
	version  Version
	commands map[string]*Spec // by every name
	all      map[string]*Spec // those of other versions too
	specs    []*Spec          // each once, sorted by priority, then Attr
	sections map[string]*sectionSpec
}

// tables are made once, when the first kickstart is read, and never change.
var tables = sync.OnceValue(func() map[Version]*table { //nolint:gochecknoglobals // written once, then only read
	all := map[Version]*table{}
	for _, v := range Versions() {
		all[v] = newTable(v)
	}
	return all
})

func (v Version) table() *table { return tables()[v] }

func allCommands() []*Spec {
	return slices.Concat(sourceCommands(), systemCommands(), installerCommands(), storageCommands(), remoteStorageCommands(), ignoredCommands())
}

func allSections() []*sectionSpec {
	return []*sectionSpec{
		{Name: "%packages", Help: "Names what is installed.", Options: packagesOptions(), open: openPackages, line: (*parser).packageLine,
			close: func(*parser, *section) {}},
		{Name: "%pre", Help: "A script that runs before the disks are touched.", Options: scriptOptions(), close: closeScript},
		{Name: "%pre-install", Help: "A script that runs when the disks are ready.", Options: scriptOptions(), close: closeScript},
		{Name: "%post", Help: "A script that runs in the installed system.", Options: append(scriptOptions(), flag("--nochroot")), close: closeScript},
		{Name: "%onerror", Help: "A script that runs when the installation fails.", Options: scriptOptions(), close: closeScript},
		{Name: "%traceback", Help: "A script that runs when the installer crashes.", Options: scriptOptions(), close: closeScript, Deprecated: RHEL9},
		{Name: "%addon", Help: "Configures an addon of the installer.", Opaque: true, close: closeAddon},
		{Name: "%anaconda", Help: "Configures the installer.", Opaque: true, close: closeAddon},
		{Name: "%certificate", Help: "Puts a certificate into the installed system.",
			Options: []Option{text("--filename").need(), text("--dir"), text("--type")}, open: openCertificate, close: closeCertificate},
	}
}

func newTable(v Version) *table {
	t := &table{version: v, commands: map[string]*Spec{}, all: map[string]*Spec{}, sections: map[string]*sectionSpec{}}
	for _, spec := range allCommands() {
		for _, name := range spec.Names {
			t.all[name] = spec
		}
		if !spec.Known(v) {
			continue
		}
		t.specs = append(t.specs, spec)
		for _, name := range spec.Names {
			t.commands[name] = spec
		}
	}
	slices.SortStableFunc(t.specs, func(a, b *Spec) int {
		if a.Priority != b.Priority {
			return a.Priority - b.Priority
		}
		return strings.Compare(a.attr(), b.attr())
	})
	for _, section := range allSections() {
		t.sections[section.Name] = section
	}
	return t
}

func (t *table) commandNames() []string {
	var names []string
	for name := range t.commands {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (t *table) sectionNames() []string {
	var names []string
	for name := range t.sections {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// unknownHint says what may have been meant by a command that the version doesn't know.
func (t *table) unknownHint(name string) string {
	if spec := t.all[name]; spec != nil {
		return "it exists in " + Span(spec.Since, spec.Until)
	}
	if near := nearest(name, t.commandNames()); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}
