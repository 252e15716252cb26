package plan

import (
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/kickstart"
)

// packagesOf says what to install: the kickstart's %packages by the language's rules, and what every install has beside it.
func packagesOf(ks *kickstart.File, builder string, a arch.Arch, listed []string) Packages {
	section := &ks.Packages
	p := Packages{
		ExcludeDocs: section.ExcludeDocs, ExcludeWeakDeps: section.ExcludeWeakdeps, Multilib: section.MultiLib,
		IgnoreMissing: section.IgnoreMissing, IgnoreBroken: section.IgnoreBroken, Languages: section.InstLangs,
	}
	set := section.Set()
	environments := []string{}
	if set.Environment != "" {
		environments = append(environments, set.Environment)
	}
	for _, item := range wanted(section.Items, kickstart.Environment, environments) {
		p.Install = append(p.Install, want("@^"+item.Name, item))
	}
	var groups []string
	for _, g := range set.Groups {
		groups = append(groups, g.Name)
	}
	if !section.NoCore && !slices.Contains(groups, "core") && !slices.Contains(set.ExcludedGroups, "core") {
		p.Install = append(p.Install, Want{Name: "@core", Reason: ReasonCore})
	}
	for _, item := range wanted(section.Items, kickstart.Group, groups) {
		p.Install = append(p.Install, want("@"+item.Name, item))
	}
	for _, item := range wanted(section.Items, kickstart.Package, set.Packages) {
		p.Install = append(p.Install, want(item.Name, item))
	}
	for _, item := range unwanted(section.Items, kickstart.Package, set.ExcludedPackages) {
		p.Exclude = append(p.Exclude, want(item.Name, item))
	}
	for _, name := range set.ExcludedGroups {
		w := Want{Name: name, Reason: ReasonKickstart}
		for _, item := range section.Items {
			if item.Exclude && (item.Kind == kickstart.Group && item.Name == name || item.Kind == kickstart.Environment && "^"+item.Name == name) {
				w.File, w.Line = item.Pos.File, item.Pos.Line
			}
		}
		p.ExcludeGroups = append(p.ExcludeGroups, w)
	}
	for _, m := range ks.Modules() {
		p.Modules = append(p.Modules, Module{Name: m.Name, Stream: m.Stream, Disable: m.Disable, File: m.Pos.File, Line: m.Pos.Line})
	}

	install, available := platformPackages(ks, builder, a)
	has := func(name string) bool {
		return slices.Contains(set.Packages, name) || slices.Contains(set.ExcludedPackages, name)
	}
	if (builder == "disk" || builder == "live") && !has("kernel") { // a Pi's kickstart names the Pi's own kernel
		p.Install = append(p.Install, Want{Name: "kernel", Reason: ReasonPlatform})
	}
	for _, name := range install {
		if !has(name) {
			p.Install = append(p.Install, Want{Name: name, Reason: ReasonPlatform, Soft: true})
		}
	}
	p.Available = unique(slices.Concat(scriptInstalls(ks), listed, available))
	return p
}

// checkPackages refuses what dnf would take for a file or a URL: such a package is in no repository and can't be pinned.
func checkPackages(ks *kickstart.File) (problems kickstart.Problems) {
	for _, item := range ks.Packages.Items {
		if strings.Contains(item.Name, "://") || strings.HasSuffix(item.Name, ".rpm") {
			problems = append(problems, problem(item.Pos, "name a package, and add its repository with repo", "%s is a file and not a package of a repository", item.Name))
		}
	}
	return problems
}

// wanted returns the line that first names each of the names, in the order of the file.
func wanted(items []kickstart.PackageItem, kind kickstart.PackageKind, names []string) []kickstart.PackageItem {
	return pick(items, kind, names, false)
}

// unwanted does the same for the lines that leave something out.
func unwanted(items []kickstart.PackageItem, kind kickstart.PackageKind, names []string) []kickstart.PackageItem {
	return pick(items, kind, names, true)
}

func pick(items []kickstart.PackageItem, kind kickstart.PackageKind, names []string, exclude bool) (result []kickstart.PackageItem) {
	seen := map[string]bool{}
	for _, item := range items {
		if item.Kind == kind && item.Exclude == exclude && slices.Contains(names, item.Name) && !seen[item.Name] {
			seen[item.Name] = true
			result = append(result, item)
		}
	}
	return result
}

func want(name string, item kickstart.PackageItem) Want {
	w := Want{Name: name, Reason: ReasonKickstart, File: item.Pos.File, Line: item.Pos.Line}
	switch item.GroupInclude {
	case kickstart.GroupNoDefaults:
		w.GroupTypes = []string{"mandatory"}
	case kickstart.GroupOptional:
		w.GroupTypes = []string{"mandatory", "default", "optional"}
	}
	return w
}
