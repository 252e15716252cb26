package resolve

import (
	"fmt"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/nevra"
)

// Format is the version of the Lock's file format. Another version is refused.
const Format = 1

// Lock is a Plan with every input pinned. Saved, it is a JSON file in a stable order that can be read, compared and built from again.
type Lock struct {
	Format       int              `json:"format"`
	Plan         PlanRef          `json:"plan"`
	Kickstart    Kickstart        `json:"kickstart"`
	Tree         Tree             `json:"tree"`
	Keys         []Key            `json:"keys"`
	Repositories []Repository     `json:"repositories"`
	Groups       []Group          `json:"groups,omitempty"`
	Packages     []Package        `json:"packages"`            // the installed set, sorted by NEVRA
	Available    []Package        `json:"available,omitempty"` // what %post may install beside it, with its dependencies
	Request      wire.PackageSpec `json:"request"`             // what dnf is asked for when installing
}

// PlanRef says which Plan the Lock is for.
type PlanRef struct {
	Name   string        `json:"name"`
	Digest digest.Digest `json:"digest"`
}

// Kickstart is the kickstart that the Lock was made from.
type Kickstart struct {
	Source string        `json:"source"`
	Branch string        `json:"branch,omitempty"`
	Commit string        `json:"commit,omitempty"`
	Path   string        `json:"path"`
	Digest digest.Digest `json:"digest"`
}

// Repository is one repository as it was when the Lock was made.
type Repository struct {
	ID       string        `json:"id"`
	BaseURL  string        `json:"baseURL"`           // of a mirror list, its first mirror
	Mirrors  []string      `json:"mirrors,omitempty"` // other addresses of the same repository, tried after BaseURL
	Repomd   digest.Digest `json:"repomd"`
	Revision string        `json:"revision,omitempty"`
	Comps    *File         `json:"comps,omitempty"`   // the groups file as it is in the repository
	Modules  *File         `json:"modules,omitempty"` // modules.yaml as it is in the repository
}

// File is one file of a repository or an installer tree.
type File struct {
	Path   string        `json:"path"` // relative to the repository's or the tree's URL
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"` // bytes
}

// Package is one RPM.
type Package struct {
	nevra.NEVRA
	Repo      string        `json:"repo"`     // Repository.ID
	Location  string        `json:"location"` // relative to the repository
	URL       string        `json:"url"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"`      // bytes to download
	Installed int64         `json:"installed"` // bytes installed
	Reason    string        `json:"reason"`    // "user", "group", "dependency" or "weak"
	For       string        `json:"for,omitempty"`
}

// Group is a comps group or environment that is installed.
type Group struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Kind      string   `json:"kind"` // "group" or "environment"
	Mandatory []string `json:"mandatory,omitempty"`
	Default   []string `json:"default,omitempty"`
	Optional  []string `json:"optional,omitempty"`
	Installed []string `json:"installed,omitempty"` // members that are in the installed set (of an environment: groups)
	Excluded  []string `json:"excluded,omitempty"`  // members that would be, and that the kickstart leaves out
}

// Tree is the installer tree: kernel, initrd and stage2 of the build machine.
type Tree struct {
	URL      string        `json:"url"`
	Treeinfo digest.Digest `json:"treeinfo"`
	Version  string        `json:"version"`
	Kernel   File          `json:"kernel"`
	Initrd   File          `json:"initrd"`
	Stage2   File          `json:"stage2"`
}

// Key is a public key that the RPMs were checked against.
type Key struct {
	Fingerprint string `json:"fingerprint"` // of the primary key, upper-case hexadecimal
	Armored     string `json:"armored"`
}

// Key is NAME-EPOCH:VERSION-RELEASE.ARCH, with the epoch even where it is 0: the spelling of Request.Expected and of Inputs.RPMs.
func (p Package) Key() string {
	return fmt.Sprintf("%s-%s:%s-%s.%s", p.Name, p.Epoch, p.Version, p.Release, p.Arch)
}
