package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/strictyaml"
)

// releaseFile is release.yaml: what all images of a release share.
type releaseFile struct {
	Distro        string           `yaml:"distro"`
	Name          string           `yaml:"name"`
	Release       string           `yaml:"release"`
	Version       string           `yaml:"version"`
	EFI           string           `yaml:"efi"`
	Naming        string           `yaml:"naming"`
	Architectures []string         `yaml:"architectures"`
	Mirror        string           `yaml:"mirror"`
	Tree          string           `yaml:"tree"`
	Repositories  []repositoryYAML `yaml:"repositories"`
	Keys          []keyYAML        `yaml:"keys"`
	Kickstarts    kickstartsYAML   `yaml:"kickstarts"`
	Live          liveYAML         `yaml:"live"`    // of live images that don't say their own
	Machine       machineYAML      `yaml:"machine"` // of images that don't say their own
	Verify        verifyYAML       `yaml:"verify"`  // of images that don't say their own
}

type repositoryYAML struct {
	ID           string    `yaml:"id"`
	BaseURL      string    `yaml:"baseurl"`
	Cost         int       `yaml:"cost"`
	Include      []string  `yaml:"include"`
	Exclude      []string  `yaml:"exclude"`
	Hotfixes     bool      `yaml:"module_hotfixes"`
	RepoGPGCheck bool      `yaml:"repo_gpgcheck"`
	Aliases      []string  `yaml:"aliases"`  // what kickstarts call it, beside its id
	Optional     bool      `yaml:"optional"` // only for images that name it, and for kickstarts that do
	Keys         []keyYAML `yaml:"keys"`     // that its packages are signed with, beside the release's
}

type keyYAML struct {
	URL         string `yaml:"url"`
	Fingerprint string `yaml:"fingerprint"`
	Trust       string `yaml:"trust"`
}

type kickstartsYAML struct {
	Source  string `yaml:"source"`
	Version string `yaml:"version"`
}

func loadRelease(fsys fs.FS, name string) (releaseFile, error) {
	var r releaseFile
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return r, err
	}
	if err := strictyaml.Decode(name, data, &r); err != nil {
		return r, err
	}
	c := &checker{file: name, data: data}
	folder := strings.Split(name, "/")
	c.need(r.Distro == folder[0], "$.distro", "has to be the folder's name, %q", folder[0])
	c.need(r.Release == folder[1], "$.release", "has to be the folder's name, %q", folder[1])
	for at, value := range map[string]string{"$.name": r.Name, "$.version": r.Version, "$.efi": r.EFI, "$.kickstarts.source": r.Kickstarts.Source} {
		c.need(word.MatchString(value), at, "%q is no name: use letters, digits, dots and dashes", value)
	}
	c.need(r.Version == r.Release || strings.HasPrefix(r.Version, r.Release+"."), "$.version", "%q is no version of release %q", r.Version, r.Release)
	c.need(slices.Contains([]string{"wiki", "toolkit"}, r.Naming), "$.naming", "want wiki or toolkit, not %q", r.Naming)
	c.need(r.Tree != "", "$.tree", "the installer tree's URL is missing")
	c.need(len(r.Repositories) > 0, "$.repositories", "none is given")
	c.architectures(r.Architectures, true)
	c.repositories(r.Repositories)
	c.liveWords(r.Live)
	c.need(len(r.Keys) > 0, "$.keys", "none is given: nothing could be verified")
	c.keys("$.keys", r.Keys)
	return r, errors.Join(c.errs...)
}

// repositories checks that each name and each alias stands for one repository.
func (c *checker) repositories(all []repositoryYAML) {
	seen := map[string]bool{}
	for i, repo := range all {
		at := fmt.Sprintf("$.repositories[%d]", i)
		c.need(word.MatchString(repo.ID) && !seen[strings.ToLower(repo.ID)], at+".id", "%q is no name, or used twice", repo.ID)
		c.need(repo.BaseURL != "", at+".baseurl", "is missing")
		seen[strings.ToLower(repo.ID)] = true
		for n, alias := range repo.Aliases {
			c.need(alias != "" && !seen[strings.ToLower(alias)], fmt.Sprintf("%s.aliases[%d]", at, n), "%q is used twice", alias)
			seen[strings.ToLower(alias)] = true
		}
		c.keys(at+".keys", repo.Keys)
	}
}

func (c *checker) keys(path string, keys []keyYAML) {
	for i, key := range keys {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.need(key.URL != "", at+".url", "is missing")
		c.need(key.Fingerprint == "" || fingerprint.MatchString(key.Fingerprint), at+".fingerprint", "want 40 or 64 upper-case hexadecimal digits")
		c.need(key.Trust == "" || key.Trust == "mirror" && key.Fingerprint == "", at+".trust", "only \"mirror\" is known, for a key without a fingerprint")
		c.need(key.Fingerprint != "" || key.Trust == "mirror", at+".fingerprint", "is missing: pin the key, or say trust: mirror")
	}
}

var fingerprint = regexp.MustCompile(`^([0-9A-F]{40}|[0-9A-F]{64})$`)
