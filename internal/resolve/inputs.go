package resolve

import (
	"context"
	"fmt"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/store"
)

// parallel is how many files are fetched at a time. Mirrors ask for no more from one client.
const parallel = 8

// Inputs is everything a Lock names, fetched and checked.
type Inputs struct {
	// RPMs are the packages of the installed and the available set, by Package.Key.
	RPMs                   map[string]artifact.File `json:"rpms"`
	Comps                  map[string]artifact.File `json:"comps"`   // groups files as they are in the repositories, by Repository.ID
	Modules                map[string]artifact.File `json:"modules"` // modules.yaml, by Repository.ID
	Kernel, Initrd, Stage2 artifact.File
}

// Fetch brings everything that the lock names into the store: sizes and digests are the lock's, and every RPM is signed by one of the lock's
// keys, or the error is a *SignatureError. Nothing is solved, and what the store has already is not fetched again.
func (l Lock) Fetch(ctx context.Context, s *store.Store, report progress.Func) (Inputs, error) {
	var requests []store.Request
	var take []func(artifact.File) // what to do with each file, in the order of the requests
	want := func(name string, urls []string, f File, into func(artifact.File)) {
		requests = append(requests, store.Request{URLs: urls, Digest: f.Digest, Size: f.Size, Name: name})
		take = append(take, into)
	}
	in := Inputs{RPMs: map[string]artifact.File{}, Comps: map[string]artifact.File{}, Modules: map[string]artifact.File{}}
	for _, part := range []struct {
		name string
		file File
		into *artifact.File
	}{{"kernel", l.Tree.Kernel, &in.Kernel}, {"initrd", l.Tree.Initrd, &in.Initrd}, {"stage2", l.Tree.Stage2, &in.Stage2}} {
		want("the installer tree's "+part.name, []string{l.Tree.URL + "/" + part.file.Path}, part.file, func(f artifact.File) { *part.into = f })
	}
	repos := map[string]Repository{}
	for _, r := range l.Repositories {
		repos[r.ID] = r
		if r.Comps != nil {
			want("the groups of "+r.ID, r.urls(r.Comps.Path), *r.Comps, func(f artifact.File) { in.Comps[r.ID] = f })
		}
		if r.Modules != nil {
			want("the modules of "+r.ID, r.urls(r.Modules.Path), *r.Modules, func(f artifact.File) { in.Modules[r.ID] = f })
		}
	}
	for _, set := range [][]Package{l.Packages, l.Available} {
		for _, p := range set {
			urls := []string{p.URL}
			if r := repos[p.Repo]; p.URL == r.BaseURL+"/"+p.Location { // and not elsewhere, as metadata may say
				urls = r.urls(p.Location)
			}
			want(p.String(), urls, File{Path: p.Location, Digest: p.Digest, Size: p.Size}, func(f artifact.File) { in.RPMs[p.Key()] = f })
		}
	}
	files, err := s.Fetch(ctx, requests, parallel, report)
	if err != nil {
		return Inputs{}, fmt.Errorf("fetching what the lock names: %w", err)
	}
	for i, f := range files {
		take[i](f)
	}
	if err := verify(ctx, in.RPMs, l.Keys, report); err != nil {
		return Inputs{}, err
	}
	return in, nil
}

// urls are the addresses of a file of the repository.
func (r Repository) urls(path string) []string {
	urls := []string{r.BaseURL + "/" + path}
	for _, mirror := range r.Mirrors {
		urls = append(urls, mirror+"/"+path)
	}
	return urls
}
