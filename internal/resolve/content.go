package resolve

import (
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/plan"
)

// Question digests what of a plan dnf is asked. Plans with the same question and the same State have the same Lock but for its addresses, whatever
// mirror they use, whatever kickstart they are made from and of whatever commit.
func Question(p plan.Plan) (digest.Digest, error) {
	repositories := slices.Clone(p.Repositories)
	for i := range repositories {
		r := &repositories[i]
		r.BaseURL, r.Proxy, r.NoVerifySSL, r.File, r.Line = "", "", false, "", 0
		if r.MirrorList != "" || r.Metalink != "" {
			r.MirrorList, r.Metalink = "list", "" // the Lock has its mirrors then, and State knows its content
		}
	}
	packages := p.Packages
	packages.Install, packages.Exclude, packages.ExcludeGroups = placeless(packages.Install), placeless(packages.Exclude), placeless(packages.ExcludeGroups)
	packages.Modules = slices.Clone(packages.Modules)
	for i := range packages.Modules {
		packages.Modules[i].File, packages.Modules[i].Line = "", 0
	}
	return digest.JSON(struct {
		Arch, Release string
		Packages      plan.Packages
		Repositories  []plan.Repository
	}{p.Arch, p.Release, packages, repositories})
}

// placeless are wants without the line of the kickstart that asks for them.
func placeless(wants []plan.Want) []plan.Want {
	wants = slices.Clone(wants)
	for i := range wants {
		wants[i].File, wants[i].Line = "", 0
	}
	return wants
}

// For is the same Lock for another plan with the same question and state: its packages at that plan's addresses, its kickstart that plan's.
func (l Lock) For(p plan.Plan) (Lock, error) {
	id, err := p.Digest()
	if err != nil {
		return Lock{}, err
	}
	l.Plan, l.Kickstart = PlanRef{Name: p.Name(), Digest: id}, kickstartOf(p)
	l.Tree.URL = strings.TrimRight(p.Tree, "/")
	l.Repositories = slices.Clone(l.Repositories)
	l.Packages, l.Available = slices.Clone(l.Packages), slices.Clone(l.Available)
	for _, set := range [][]Package{l.Packages, l.Available} {
		for i := range set {
			if pkg := &set[i]; pkg.Reason == "user" || pkg.Reason == "group" {
				name, _, _ := strings.Cut(pkg.For, " (")
				pkg.For = describe(p, name)
			}
		}
	}
	for i := range l.Repositories {
		r := &l.Repositories[i]
		at := slices.IndexFunc(p.Repositories, func(planned plan.Repository) bool { return planned.ID == r.ID })
		if at < 0 || p.Repositories[at].BaseURL == "" {
			continue // its addresses come from a list of mirrors
		}
		from, to := r.BaseURL, strings.TrimRight(p.Repositories[at].BaseURL, "/")
		r.BaseURL = to
		for _, set := range [][]Package{l.Packages, l.Available} {
			for j := range set {
				// A package that the metadata says to be elsewhere stays there.
				if pkg := &set[j]; pkg.Repo == r.ID && pkg.URL == from+"/"+pkg.Location {
					pkg.URL = to + "/" + pkg.Location
				}
			}
		}
	}
	return l, nil
}

func kickstartOf(p plan.Plan) Kickstart {
	ks := p.Kickstart
	return Kickstart{Source: ks.Source, Branch: ks.Branch, Commit: ks.Commit, Path: ks.Path, Digest: ks.Digest}
}

// Content digests what the lock's files are, and neither where they come from nor what else there was: Locks of one content make the same image
// of the same kickstart.
func (l Lock) Content() (digest.Digest, error) {
	l.Plan, l.Kickstart = PlanRef{}, Kickstart{}
	l.Tree.URL, l.Tree.Treeinfo = "", ""
	l.Repositories = slices.Clone(l.Repositories)
	for i := range l.Repositories {
		r := &l.Repositories[i]
		r.BaseURL, r.Mirrors, r.Repomd, r.Revision = "", nil, "", ""
	}
	l.Packages, l.Available = bare(l.Packages), bare(l.Available)
	return digest.JSON(l)
}

// bare packages have no addresses and no line of the kickstart that asks for them.
func bare(packages []Package) []Package {
	packages = slices.Clone(packages)
	for i := range packages {
		packages[i].URL, packages[i].For = "", ""
	}
	return packages
}
