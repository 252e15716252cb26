package resolve

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/nevra"
	"github.com/quarry-project/quarry/internal/plan"
)

// fill takes over the solution, sorted, so that equal solutions make equal locks.
func fill(l *Lock, p plan.Plan, a solveAnswer) error {
	for _, solved := range a.Repositories {
		data, err := readLimited(solved.Repomd, maxRepomd)
		if err != nil {
			return fmt.Errorf("the metadata of the repository %s: %w", solved.ID, err)
		}
		repo, err := parseRepomd(data)
		if err != nil {
			return fmt.Errorf("the repository %s: repomd.xml: %w", solved.ID, err)
		}
		repo.ID = solved.ID
		for _, planned := range p.Repositories {
			if planned.ID == solved.ID {
				repo.BaseURL = strings.TrimRight(planned.BaseURL, "/")
			}
		}
		if repo.BaseURL == "" {
			var usable []string
			for _, mirror := range solved.Mirrors {
				if fetchable(mirror) == nil && len(usable) < keptMirrors {
					usable = append(usable, strings.TrimRight(mirror, "/"))
				}
			}
			if len(usable) == 0 {
				return fmt.Errorf("the repository %s: no mirror of its list can be fetched from: all are neither http, https nor file", solved.ID)
			}
			repo.BaseURL, repo.Mirrors = usable[0], usable[1:]
		}
		l.Repositories = append(l.Repositories, repo)
	}
	var err error
	if l.Packages, err = packages(p, a.Packages); err != nil {
		return err
	}
	if l.Available, err = packages(p, a.Available); err != nil {
		return err
	}
	l.Groups = a.Groups
	return nil
}

func packages(p plan.Plan, solved []solvedPackage) ([]Package, error) {
	var all []Package
	for _, s := range solved {
		if !strings.HasPrefix(s.Checksum, "sha256:") {
			return nil, fmt.Errorf("the repository %s names %s by a checksum of type %s; Quarry pins by sha256", s.Repo, s.Name, strings.Split(s.Checksum, ":")[0])
		}
		d, err := digest.Parse(s.Checksum)
		if err != nil {
			return nil, fmt.Errorf("the repository %s: the checksum of %s: %w", s.Repo, s.Name, err)
		}
		origin := s.For
		if s.Reason == "user" || s.Reason == "group" {
			origin = describe(p, s.For)
		}
		all = append(all, Package{
			NEVRA: nevra.NEVRA{Name: s.Name, Epoch: s.Epoch, Version: s.Version, Release: s.Release, Arch: s.Arch},
			Repo:  s.Repo, Location: s.Location, URL: s.URL, Digest: d, Size: s.Size, Installed: s.Installed, Reason: s.Reason, For: origin,
		})
	}
	slices.SortFunc(all, func(a, b Package) int { return strings.Compare(a.Key(), b.Key()) })
	return all, nil
}

// describe adds where the plan asks for a name: "nano (image.ks:12)".
func describe(p plan.Plan, name string) string {
	for _, w := range p.Packages.Install {
		if w.Name != name && spec(w) != name && w.Name != "@^"+strings.TrimPrefix(name, "@") {
			continue
		}
		switch {
		case w.File != "":
			return fmt.Sprintf("%s (%s:%d)", w.Name, w.File, w.Line)
		case w.Reason == plan.ReasonCore:
			return w.Name + " (in every install)"
		default:
			return w.Name + " (for this platform)"
		}
	}
	return name
}

// packageSpec is what dnf is asked for when it installs from a repository of the lock's packages alone.
func packageSpec(p plan.Plan, l Lock, a solveAnswer) wire.PackageSpec {
	s := wire.PackageSpec{
		Release: p.Release, Arch: p.Arch, ExcludeDocs: p.Packages.ExcludeDocs, ExcludeWeakDeps: p.Packages.ExcludeWeakDeps, Multilib: p.Packages.Multilib,
	}
	for _, w := range p.Packages.Install {
		name := spec(w)
		if w.Soft && !slices.Contains(a.Soft, name) || slices.Contains(a.Ignored, name) || slices.Contains(a.Ignored, w.Name) {
			continue
		}
		s.Install = append(s.Install, name)
	}
	for _, w := range p.Packages.Exclude {
		s.Exclude = append(s.Exclude, w.Name)
	}
	for _, w := range p.Packages.ExcludeGroups {
		s.ExcludeGroups = append(s.ExcludeGroups, strings.TrimPrefix(w.Name, "^"))
	}
	for _, m := range p.Packages.Modules {
		if m.Disable {
			s.DisabledModules = append(s.DisabledModules, moduleSpec(m))
		} else {
			s.Modules = append(s.Modules, moduleSpec(m))
		}
	}
	if p.Packages.Languages != nil {
		if s.Languages = *p.Packages.Languages; len(s.Languages) == 0 {
			s.Languages = []string{"none"} // nil would keep all
		}
	}
	for _, pkg := range l.Packages {
		s.Expected = append(s.Expected, pkg.Key())
	}
	return s
}

// refusal turns what stands against a solution into the error for people.
func refusal(p plan.Plan, a solveAnswer) error {
	var errs []error
	for _, failed := range a.FailedRepositories {
		e := &RepositoryError{ID: failed.Repo, Message: failed.Message}
		for _, r := range p.Repositories {
			if r.ID == failed.Repo {
				e.URL = r.URL()
			}
		}
		errs = append(errs, e)
	}
	if len(a.Missing) > 0 {
		e := &MissingError{}
		for _, name := range a.Missing {
			e.Wants = append(e.Wants, describe(p, name))
		}
		for _, r := range p.Repositories {
			e.Repositories = append(e.Repositories, fmt.Sprintf("%s (%s)", r.ID, r.URL()))
		}
		errs = append(errs, e)
	}
	if a.Broken != "" && len(a.Missing) == 0 {
		errs = append(errs, &BrokenError{Explanation: a.Broken})
	}
	if len(errs) == 0 && len(a.Packages) == 0 {
		return errors.New("dnf found nothing to install")
	}
	return errors.Join(errs...)
}
