package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	units "github.com/docker/go-units"

	"github.com/quarry-project/quarry/internal/arch"
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
}

type repositoryYAML struct {
	ID           string   `yaml:"id"`
	BaseURL      string   `yaml:"baseurl"`
	Cost         int      `yaml:"cost"`
	Include      []string `yaml:"include"`
	Exclude      []string `yaml:"exclude"`
	Hotfixes     bool     `yaml:"module_hotfixes"`
	RepoGPGCheck bool     `yaml:"repo_gpgcheck"`
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

// imageFile is one image.
type imageFile struct {
	Image         string      `yaml:"image"`
	Variant       string      `yaml:"variant"`
	Primary       bool        `yaml:"primary"`
	Builder       string      `yaml:"builder"`
	Kickstart     string      `yaml:"kickstart"`
	Source        string      `yaml:"source"`        // instead of the release's
	Architectures []string    `yaml:"architectures"` // instead of the release's
	Disk          diskYAML    `yaml:"disk"`
	Outputs       []Output    `yaml:"outputs"`
	Machine       machineYAML `yaml:"machine"`
	Verify        verifyYAML  `yaml:"verify"`
	Available     []string    `yaml:"available"` // packages that %post installs, where Quarry can't see it
	Labels        []string    `yaml:"labels"`    // words to select images by, such as nightly
}

type diskYAML struct {
	Size string `yaml:"size"`
}

type machineYAML struct {
	CPUs    int    `yaml:"cpus"`
	Memory  string `yaml:"memory"`
	Network bool   `yaml:"network"`
}

type verifyYAML struct {
	Firmware []string `yaml:"firmware"`
	User     string   `yaml:"user"`
}

// Pipeline is how one image of one release is made.
type Pipeline struct {
	File   string // of the image, in the pipelines' tree
	Source string // the kickstart source's name

	release   releaseFile
	image     imageFile
	diskSize  int64 // bytes
	memoryMiB int
}

// Distro is the distribution in file names and options: "rocky".
func (p Pipeline) Distro() string { return p.release.Distro }

// Release is the release that the pipeline belongs to: "9".
func (p Pipeline) Release() string { return p.release.Release }

// Image is the image's name without its variant: "GenericCloud".
func (p Pipeline) Image() string { return p.image.Image }

// Variant is the image's variant: "Base".
func (p Pipeline) Variant() string { return p.image.Variant }

// Kickstart is the kickstart's path in its source.
func (p Pipeline) Kickstart() string { return p.image.Kickstart }

// Labels are the words that the image can be selected by, such as "nightly".
func (p Pipeline) Labels() []string { return slices.Clone(p.image.Labels) }

// Architectures are those that the image is made for, by RPM's names.
func (p Pipeline) Architectures() []string {
	if len(p.image.Architectures) > 0 {
		return slices.Clone(p.image.Architectures)
	}
	return slices.Clone(p.release.Architectures)
}

// Catalog is all pipelines.
type Catalog struct{ pipelines []Pipeline }

// Pipelines returns all of them, in the order of their files' names.
func (c Catalog) Pipelines() []Pipeline { return slices.Clone(c.pipelines) }

// labelWord is what a label may be made of: it becomes part of options.
var labelWord = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// word is what names that become parts of file names and URLs may be made of.
var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Load reads a tree of pipelines: DISTRO/RELEASE/release.yaml and the images beside it. All files are read, so that the error names
// everything that is wrong, with file, line and column.
func Load(fsys fs.FS) (Catalog, error) {
	var c Catalog
	var problems []error
	releases, err := fs.Glob(fsys, "*/*/release.yaml")
	if err != nil {
		return c, fmt.Errorf("reading the pipelines: %w", err)
	}
	if len(releases) == 0 {
		return c, errors.New("reading the pipelines: there is no DISTRO/RELEASE/release.yaml")
	}
	for _, name := range releases {
		release, err := loadRelease(fsys, name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		images, err := fs.Glob(fsys, path.Join(path.Dir(name), "*.yaml"))
		if err != nil {
			return c, fmt.Errorf("reading the pipelines: %w", err)
		}
		for _, file := range images {
			if file == name {
				continue
			}
			p, err := loadImage(fsys, file, release)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			c.pipelines = append(c.pipelines, p)
		}
	}
	return c, errors.Join(problems...)
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
	seen := map[string]bool{}
	for i, repo := range r.Repositories {
		at := fmt.Sprintf("$.repositories[%d]", i)
		c.need(word.MatchString(repo.ID) && !seen[repo.ID], at+".id", "%q is no name, or used twice", repo.ID)
		c.need(repo.BaseURL != "", at+".baseurl", "is missing")
		seen[repo.ID] = true
	}
	c.need(len(r.Keys) > 0, "$.keys", "none is given: nothing could be verified")
	for i, key := range r.Keys {
		at := fmt.Sprintf("$.keys[%d]", i)
		c.need(key.URL != "", at+".url", "is missing")
		c.need(key.Fingerprint == "" || fingerprint.MatchString(key.Fingerprint), at+".fingerprint", "want 40 or 64 upper-case hexadecimal digits")
		c.need(key.Trust == "" || key.Trust == "mirror" && key.Fingerprint == "", at+".trust", "only \"mirror\" is known, for a key without a fingerprint")
		c.need(key.Fingerprint != "" || key.Trust == "mirror", at+".fingerprint", "is missing: pin the key, or say trust: mirror")
	}
	return r, errors.Join(c.errs...)
}

var fingerprint = regexp.MustCompile(`^([0-9A-F]{40}|[0-9A-F]{64})$`)

func loadImage(fsys fs.FS, name string, release releaseFile) (Pipeline, error) {
	p := Pipeline{File: name, release: release}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return p, err
	}
	i := &p.image
	if err := strictyaml.Decode(name, data, i); err != nil {
		return p, err
	}
	c := &checker{file: name, data: data}
	for at, value := range map[string]string{"$.image": i.Image, "$.variant": i.Variant, "$.verify.user": i.Verify.User} {
		c.need(word.MatchString(value), at, "%q is no name: use letters, digits, dots and dashes", value)
	}
	c.need(slices.Contains(builders(), i.Builder), "$.builder", "there is no builder %q, only %s", i.Builder, strings.Join(builders(), ", "))
	c.need(fs.ValidPath(i.Kickstart) && i.Kickstart != ".", "$.kickstart", "%q is no path inside the kickstart repository", i.Kickstart)
	p.diskSize = c.size("$.disk.size", i.Disk.Size)
	p.memoryMiB = int(c.size("$.machine.memory", i.Machine.Memory) >> 20)
	c.need(i.Machine.CPUs > 0 && i.Machine.CPUs <= 64, "$.machine.cpus", "want 1 to 64")
	c.outputs(i.Builder, i.Outputs)
	for n, label := range i.Labels {
		c.need(labelWord.MatchString(label), fmt.Sprintf("$.labels[%d]", n), "%q is no label: use lower-case letters, digits and dashes", label)
	}
	for n, f := range i.Verify.Firmware {
		known := slices.ContainsFunc(arch.All(), func(a arch.Arch) bool { _, ok := a.Has(arch.Kind(f)); return ok })
		c.need(known, fmt.Sprintf("$.verify.firmware[%d]", n), "no architecture has a firmware %q: known are bios, uefi, slof and s390-ccw", f)
	}
	for n, pkg := range i.Available {
		c.need(word.MatchString(pkg), fmt.Sprintf("$.available[%d]", n), "%q is no package name", pkg)
	}
	c.architectures(i.Architectures, false)
	if p.Source = i.Source; p.Source == "" {
		p.Source = release.Kickstarts.Source
	}
	return p, errors.Join(c.errs...)
}

// checker collects what is wrong with the values of a file.
type checker struct {
	file string
	data []byte
	errs []error
}

func (c *checker) need(ok bool, at, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, strictyaml.At(c.file, c.data, at, fmt.Sprintf(format, args...)))
	}
}

func (c *checker) size(at, text string) int64 {
	n, err := units.RAMInBytes(text)
	c.need(err == nil && n >= 1<<20, at, "%q is no size: write it like 10GiB", text)
	return n
}

func (c *checker) architectures(names []string, needed bool) {
	c.need(len(names) > 0 || !needed, "$.architectures", "none is given")
	for i, name := range names {
		_, err := arch.Lookup(name)
		c.need(err == nil, fmt.Sprintf("$.architectures[%d]", i), "%v", err)
	}
}
