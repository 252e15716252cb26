package resolve

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
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
// *RepositoryError, *KeyError and *SpaceError.
func Resolve(ctx context.Context, p plan.Plan, o Options) (Lock, error) {
	planDigest, err := p.Digest()
	if err != nil {
		return Lock{}, err
	}
	lock := Lock{
		Format:    Format,
		Plan:      PlanRef{Name: p.Name(), Digest: planDigest},
		Kickstart: kickstartOf(p),
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
	if err := checkSpace(p.Disk, lock.Packages); err != nil {
		return Lock{}, err
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
	defer func() { _ = lock.Unlock() }()
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
