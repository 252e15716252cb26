// Package plan turns a pipeline (YAML), a kickstart and a request into a Plan: a plain value that says everything that is wanted of one
// image for one architecture, before anything is downloaded or solved. Reading the pipelines and the kickstart is its only input;
// it never touches the network, a repository's metadata or the host, and it never decides how something is done.
package plan

import (
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/digest"
)

// Plan is all that is wanted of one image. It is a pure value: it marshals to JSON and back without loss, and Digest names the build.
type Plan struct {
	Distro     string `json:"distro"`     // in file names and options: "rocky"
	DistroName string `json:"distroName"` // for people and published names: "Rocky"
	Release    string `json:"release"`    // "9"
	Version    string `json:"version"`    // "9.6"
	Image      string `json:"image"`      // "GenericCloud"
	Variant    string `json:"variant"`    // "Base"
	Arch       string `json:"arch"`       // RPM's name: "x86_64"
	Primary    bool   `json:"primary"`    // this variant is also published without its name
	Builder    string `json:"builder"`    // "disk", "pi", "rootfs", "live"
	Naming     string `json:"naming"`     // "wiki" or "toolkit"
	EFIDir     string `json:"efiDir"`     // the distribution's folder in the EFI system partition: "rocky"

	Kickstart    Kickstart    `json:"kickstart"`
	Repositories []Repository `json:"repositories"`
	Tree         string       `json:"tree"` // URL of the installer tree: the folder that holds .treeinfo
	Keys         []Key        `json:"keys"`
	Packages     Packages     `json:"packages"`
	Disk         Disk         `json:"disk"`
	Outputs      []Output     `json:"outputs"`
	Machine      MachineNeeds `json:"machine"`
	Verify       Verify       `json:"verify"`
	Live         *Live        `json:"live,omitempty"`     // of live images
	Warnings     []string     `json:"warnings,omitempty"` // what the kickstart asks for and Quarry leaves out, with its place
}

// Kickstart says which kickstart, and holds it.
type Kickstart struct {
	Source  string        `json:"source"` // the first URL as configured, or the name "quarry" for Quarry's own
	Branch  string        `json:"branch,omitempty"`
	Commit  string        `json:"commit,omitempty"` // hexadecimal; empty for Quarry's own kickstarts and for folders that are no repository
	Path    string        `json:"path"`             // inside the repository
	Version string        `json:"version"`          // of the language: "rhel9"
	Text    string        `json:"text"`             // flattened: includes resolved
	Digest  digest.Digest `json:"digest"`           // of Text
}

// Repository is one dnf repository. Exactly one of BaseURL, MirrorList and Metalink is set; variables are substituted.
type Repository struct {
	ID           string   `json:"id"`
	BaseURL      string   `json:"baseURL,omitempty"`
	MirrorList   string   `json:"mirrorList,omitempty"`
	Metalink     string   `json:"metalink,omitempty"`
	Cost         int      `json:"cost,omitempty"` // dnf's; 0 leaves dnf's default of 1000
	Include      []string `json:"include,omitempty"`
	Exclude      []string `json:"exclude,omitempty"`
	Proxy        string   `json:"proxy,omitempty"`
	NoVerifySSL  bool     `json:"noVerifySSL,omitempty"`
	Hotfixes     bool     `json:"hotfixes,omitempty"`     // module filtering does not apply (dnf's module_hotfixes)
	GPGCheck     bool     `json:"gpgCheck"`               // RPMs must be signed by one of the Plan's keys
	RepoGPGCheck bool     `json:"repoGPGCheck,omitempty"` // repomd.xml must be signed by one of the Plan's keys
	File         string   `json:"file"`                   // where it is declared
	Line         int      `json:"line,omitempty"`
}

// URL returns the address that the repository is known by.
func (r Repository) URL() string {
	for _, u := range []string{r.BaseURL, r.Metalink, r.MirrorList} {
		if u != "" {
			return u
		}
	}
	return ""
}

// Key is a key that RPMs or metadata may be signed by. Either URL or File is set.
type Key struct {
	URL  string `json:"url,omitempty"`
	File string `json:"file,omitempty"` // given by the user: trusted as it is
	// Fingerprint is the pinned one, upper-case hexadecimal. It is empty only where trust comes another way: from the user who gave File, or
	// from a release that says `trust: mirror`.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Reasons for wanting a package.
const (
	ReasonKickstart = "kickstart" // %packages names it
	ReasonCore      = "core"      // the group core, which every install has unless --nocore
	ReasonPlatform  = "platform"  // the architecture's boot loader, the storage's tools
)

// Want is one thing to install or to leave out.
type Want struct {
	Name   string `json:"name"` // in dnf's spelling: "pkg", "glob*", "@group", "@^environment"
	Reason string `json:"reason"`
	File   string `json:"file,omitempty"` // where the kickstart asks for it
	Line   int    `json:"line,omitempty"`
	// GroupTypes are the kinds of member to install of a group or environment, such as "mandatory", "default", "optional";
	// empty is dnf's default: mandatory and default.
	GroupTypes []string `json:"groupTypes,omitempty"`
	// Soft wants are left out without an error where no repository has them: what Quarry adds on its own.
	Soft bool `json:"soft,omitempty"`
}

// Module is one module command.
type Module struct {
	Name    string `json:"name"`
	Stream  string `json:"stream,omitempty"`
	Disable bool   `json:"disable,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// Packages is what to install and how.
type Packages struct {
	Install         []Want    `json:"install"`
	Exclude         []Want    `json:"exclude,omitempty"`       // packages and globs, taken out of the transaction
	ExcludeGroups   []Want    `json:"excludeGroups,omitempty"` // group ids without @
	Available       []string  `json:"available,omitempty"`     // packages that %post may install offline, found in its text or needed by a boot loader
	Modules         []Module  `json:"modules,omitempty"`
	ExcludeDocs     bool      `json:"excludeDocs,omitempty"`
	ExcludeWeakDeps bool      `json:"excludeWeakDeps,omitempty"`
	IgnoreMissing   bool      `json:"ignoreMissing,omitempty"`
	IgnoreBroken    bool      `json:"ignoreBroken,omitempty"`
	Multilib        bool      `json:"multilib,omitempty"`
	Languages       *[]string `json:"languages,omitempty"` // of --inst-langs; nil keeps all, an empty list keeps none
}

// Disk is the disk to install on.
type Disk struct {
	Size int64 `json:"size"` // bytes; of a live image, its root file system's
	// Label is the partition table's kind where the kickstart names none: "msdos", or "" for gpt.
	Label string `json:"label,omitempty"`
	// Device is what the kickstart calls the disk, such as "sda"; "" is vda, which it is.
	Device string `json:"device,omitempty"`
	// Packages is the most that the file systems that packages go to can have, in bytes.
	Packages int64 `json:"packages"`
}

// Output is one file to make of the installed disk or root file system.
type Output struct {
	Format      string `json:"format"`                // the published suffix without its dot: "qcow2", "raw.xz"
	Compression string `json:"compression,omitempty"` // of qcow2: "zlib", "zstd", or "" for none
	Provider    string `json:"provider,omitempty"`    // of box: "libvirt", "virtualbox", "vmware_desktop"
}

// MachineNeeds is what the install machine has to have.
type MachineNeeds struct {
	CPUs      int  `json:"cpus"`
	MemoryMiB int  `json:"memoryMiB"`
	Network   bool `json:"network,omitempty"`
}

// Verify is how the finished image is tried.
type Verify struct {
	// Method is how it is looked at: "ssh", "console", "container", "inspect", "live"; "" is what is usual for its format.
	Method   string   `json:"method,omitempty"`
	Firmware []string `json:"firmware"` // kinds of package arch: "bios", "uefi", "slof", "s390-ccw"; empty for what doesn't boot on its own
	User     string   `json:"user"`     // that the seed creates and that logs in
	// MayFail are units that can only start in the image's own cloud: "chronyd.service".
	MayFail []string `json:"mayFail,omitempty"`
}

// Name names the build for people and for folders: "rocky-9-GenericCloud-Base-x86_64".
func (p Plan) Name() string {
	parts := []string{p.Distro, p.Release, p.Image, p.Variant, p.Arch}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "-")
}

// Digest digests the whole plan: plans that differ in anything have different digests.
func (p Plan) Digest() (digest.Digest, error) { return digest.JSON(p) }
