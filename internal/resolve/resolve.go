package resolve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/nevra"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/store"
)

// Options says where Resolve works.
type Options struct {
	Store    *store.Store
	CacheDir string // dnf's metadata is kept in its folder "dnf"
	Python   string // the interpreter with dnf's library; "" finds it
	Report   progress.Func
}

// Resolve pins everything that p needs. Errors that the kickstart or the repositories are to blame for are *MissingError, *BrokenError,
// *RepositoryError and *KeyError.
func Resolve(ctx context.Context, p plan.Plan, o Options) (Lock, error) {
	planDigest, err := p.Digest()
	if err != nil {
		return Lock{}, err
	}
	lock := Lock{
		Format: Format,
		Plan:   PlanRef{Name: p.Name(), Digest: planDigest},
		Kickstart: Kickstart{
			Source: p.Kickstart.Source, Branch: p.Kickstart.Branch, Commit: p.Kickstart.Commit, Path: p.Kickstart.Path, Digest: p.Kickstart.Digest,
		},
	}
	if lock.Keys, err = keys(ctx, p, o.Store, o.Report); err != nil {
		return Lock{}, err
	}
	if lock.Tree, err = tree(ctx, p.Tree, p.Arch, o.Store, o.Report); err != nil {
		return Lock{}, err
	}
	python := o.Python
	if python == "" {
		if python, err = Python(ctx); err != nil {
			return Lock{}, err
		}
	}
	// Nothing of a run outlives it but dnf's metadata cache, which dnf checks on each run.
	work, err := os.MkdirTemp("", "quarry-solve-*")
	if err != nil {
		return Lock{}, fmt.Errorf("making a folder for dnf: %w", err)
	}
	defer os.RemoveAll(work)
	request, err := requestOf(p, lock.Keys, o.CacheDir, work)
	if err != nil {
		return Lock{}, err
	}
	answer, err := solveAlone(ctx, python, request, o.Report)
	if err != nil {
		return Lock{}, err
	}
	if err := refusal(p, answer); err != nil {
		return Lock{}, err
	}
	if err := fill(&lock, p, answer); err != nil {
		return Lock{}, err
	}
	for _, name := range answer.Ignored {
		o.Report.Warn(fmt.Sprintf("%s is in no repository and left out, as the kickstart says", describe(p, name)))
	}
	if len(answer.Unavailable) > 0 {
		o.Report.Log("not in the repositories, though %post or the platform may ask for it: " + strings.Join(answer.Unavailable, ", "))
	}
	lock.Request = packageSpec(p, lock, answer)
	if err := lock.check(); err != nil {
		return Lock{}, fmt.Errorf("the repositories' metadata: %w", err)
	}
	return lock, nil
}

// solveAlone runs the solver while no other process uses the same metadata cache: dnf's library doesn't see to that itself.
func solveAlone(ctx context.Context, python string, request solveRequest, report progress.Func) (solveAnswer, error) {
	lock := flock.New(request.Cache + ".lock")
	if ok, err := lock.TryLockContext(ctx, 100*time.Millisecond); !ok {
		return solveAnswer{}, fmt.Errorf("waiting for dnf's cache %s, which another quarry is using: %w", request.Cache, err)
	}
	defer lock.Unlock()
	return solve(ctx, python, request, report)
}

// keptMirrors is how many mirrors of a list a lock keeps.
const keptMirrors = 10

// requestOf says it in solve.py's words.
func requestOf(p plan.Plan, keys []Key, cacheDir, work string) (solveRequest, error) {
	r := solveRequest{
		Arch: p.Arch, Release: p.Release, Platform: "platform:el" + p.Release, Work: work,
		Available: p.Packages.Available, Weak: !p.Packages.ExcludeWeakDeps, Multilib: p.Packages.Multilib,
		IgnoreMissing: p.Packages.IgnoreMissing, IgnoreBroken: p.Packages.IgnoreBroken,
		Keys: []string{}, Install: []string{}, Soft: []string{}, Exclude: []string{}, EnableModules: []string{}, DisableModules: []string{},
	}
	// dnf remembers the keys that it has seen sign a repository's metadata beside the metadata: other keys, another cache.
	var trusted []string
	for i, k := range keys {
		file := filepath.Join(work, fmt.Sprintf("key-%d.asc", i))
		if err := durable.WriteFile(file, []byte(k.Armored)); err != nil {
			return r, err
		}
		r.Keys = append(r.Keys, "file://"+file)
		trusted = append(trusted, k.Fingerprint)
	}
	slices.Sort(trusted)
	name := digest.Bytes([]byte(strings.Join(append(trusted, p.Arch, p.Release), " "))).Short()
	absolute, err := filepath.Abs(filepath.Join(cacheDir, "dnf", name))
	if err != nil {
		return r, err
	}
	r.Cache = absolute
	if err := os.MkdirAll(absolute, 0o755); err != nil {
		return r, fmt.Errorf("making dnf's cache: %w", err)
	}
	for _, repo := range p.Repositories {
		r.Repositories = append(r.Repositories, solverRepo{
			ID: repo.ID, BaseURL: repo.BaseURL, MirrorList: repo.MirrorList, Metalink: repo.Metalink, Cost: repo.Cost, Include: repo.Include,
			Exclude: repo.Exclude, Proxy: repo.Proxy, NoVerifySSL: repo.NoVerifySSL, Hotfixes: repo.Hotfixes, RepoGPGCheck: repo.RepoGPGCheck,
		})
	}
	for _, w := range p.Packages.Install {
		if w.Soft {
			r.Soft = append(r.Soft, w.Name)
		} else {
			r.Install = append(r.Install, spec(w))
		}
	}
	for _, w := range p.Packages.Exclude {
		r.Exclude = append(r.Exclude, w.Name)
	}
	for _, w := range p.Packages.ExcludeGroups {
		r.Exclude = append(r.Exclude, "@"+strings.TrimPrefix(w.Name, "^"))
	}
	for _, m := range p.Packages.Modules {
		if m.Disable {
			r.DisableModules = append(r.DisableModules, moduleSpec(m))
		} else {
			r.EnableModules = append(r.EnableModules, moduleSpec(m))
		}
	}
	return r, nil
}

// spec is a want as dnf's API reads it: the kinds of a group's members follow its name.
func spec(w plan.Want) string {
	if len(w.GroupTypes) == 0 {
		return strings.Replace(w.Name, "@^", "@", 1)
	}
	return w.Name + "/" + strings.Join(w.GroupTypes, ",")
}

func moduleSpec(m plan.Module) string {
	if m.Stream == "" {
		return m.Name
	}
	return m.Name + ":" + m.Stream
}

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
