package plan

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/redact"
)

// leftover is a variable that is not known here.
var leftover = regexp.MustCompile(`\$\w+`)

// names reports whether a kickstart's repo command with that name means the repository.
func (r repositoryYAML) names(name string) bool {
	return strings.EqualFold(r.ID, name) || slices.ContainsFunc(r.Aliases, func(alias string) bool { return strings.EqualFold(alias, name) })
}

// repositories are the release's and those of the kickstart's repo commands. Where the release has one that the command means, its URL
// counts, so that --mirror holds for all of them and nobody builds from a staging mirror by accident; the command's cost and filters stay.
func (v vars) repositories(p Pipeline, ks *kickstart.File) (all []Repository, problems kickstart.Problems, warnings []string) {
	commands := ks.Repos()
	for _, r := range p.release.Repositories {
		named := slices.IndexFunc(commands, func(c kickstart.Repo) bool { return r.names(c.Name) })
		if named < 0 && r.Optional && !slices.Contains(p.image.Repositories, r.ID) {
			continue
		}
		repo := Repository{
			ID: r.ID, BaseURL: v.expand(r.BaseURL), Cost: r.Cost, Include: r.Include, Exclude: r.Exclude, Hotfixes: r.Hotfixes,
			GPGCheck: true, RepoGPGCheck: r.RepoGPGCheck, File: path.Join(path.Dir(p.File), "release.yaml"),
		}
		if named >= 0 {
			repo.filter(commands[named])
			warnings = append(warnings, fmt.Sprintf("%s: the repository %s is taken from the release instead%s", commands[named].Pos, commands[named].Name,
				choose(strings.EqualFold(commands[named].Name, r.ID), "", ", where it is "+r.ID)))
		}
		all = append(all, repo)
	}
	for _, r := range commands {
		if slices.ContainsFunc(p.release.Repositories, func(have repositoryYAML) bool { return have.names(r.Name) }) {
			continue
		}
		repo := Repository{
			ID: r.Name, BaseURL: v.expand(r.BaseURL), MirrorList: v.expand(r.MirrorList), Metalink: v.expand(r.MetaLink),
			Proxy: r.Proxy, NoVerifySSL: r.NoVerifySSL, GPGCheck: true, File: r.Pos.File, Line: r.Pos.Line,
		}
		repo.filter(r)
		if found := checkRepository(r, repo.URL()); len(found) > 0 {
			problems = append(problems, found...)
			continue
		}
		all = append(all, repo)
	}
	return all, problems, warnings
}

// filter takes over what a repo command says of the packages.
func (r *Repository) filter(command kickstart.Repo) {
	if command.Cost != nil {
		r.Cost = *command.Cost
	}
	if len(command.IncludePkgs) > 0 {
		r.Include = command.IncludePkgs
	}
	if len(command.ExcludePkgs) > 0 {
		r.Exclude = command.ExcludePkgs
	}
}

// checkRepository refuses a repo command that can't be carried out; address is its URL with all variables expanded.
func checkRepository(r kickstart.Repo, address string) (problems kickstart.Problems) {
	unknown := leftover.FindString(address)
	switch {
	case address == "":
		problems = append(problems, problem(r.Pos, "give --baseurl, --mirrorlist or --metalink", "the repository %s is not one of the release", r.Name))
	case unknown != "":
		problems = append(problems, problem(r.Pos, "known are $basearch, $arch and $releasever", "the variable %s has no value", unknown))
	case !word.MatchString(r.Name):
		problems = append(problems, problem(r.Pos, "use letters, digits, dots and dashes", "%q is no name for a repository", r.Name))
	case r.SSLCACert+r.SSLClientCert+r.SSLClientKey != "":
		problems = append(problems, problem(r.Pos, "use a repository that needs none", "client certificates of repositories are not supported"))
	}
	return problems
}

// noRepository instead of a URL leaves a repository out.
const noRepository = "none"

// replace gives repositories the addresses that the request has for them ("epel=https://mirror/epel/9"); "epel=none" leaves one out. What
// the release has and the image doesn't use may be named, so that one request fits a set of images. The error is a *RequestError.
func (r releaseFile) replace(all []Repository, wanted []string) ([]Repository, error) {
	for _, w := range wanted {
		id, address, _ := strings.Cut(w, "=")
		u, err := url.Parse(address)
		if address != noRepository && (err != nil || !slices.Contains([]string{"http", "https", "file"}, u.Scheme)) {
			return nil, refuse("the repository %q: write ID=URL with an http, https or file URL, or ID=%s", redact.URL(w), noRepository)
		}
		i := slices.IndexFunc(all, func(r Repository) bool { return strings.EqualFold(r.ID, id) })
		switch {
		case i < 0 && slices.ContainsFunc(r.Repositories, func(known repositoryYAML) bool { return strings.EqualFold(known.ID, id) }):
		case i < 0:
			var ids []string
			for _, r := range all {
				ids = append(ids, r.ID)
			}
			return nil, refuse("the image has no repository %q: it has %s", id, strings.Join(ids, ", "))
		case address == noRepository:
			all = slices.Delete(all, i, i+1)
		default:
			all[i].BaseURL, all[i].MirrorList, all[i].Metalink = address, "", ""
		}
	}
	return all, nil
}
