package plan

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

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

// Kickstart is the path of an architecture's kickstart in its source.
func (p Pipeline) Kickstart(arch string) string {
	return kickstartFor(cmp.Or(p.image.Kickstarts[arch], p.image.Kickstart), arch)
}

// kickstartFor fills the architecture into a kickstart's path.
func kickstartFor(path, arch string) string { return strings.ReplaceAll(path, "$basearch", arch) }

// ReleaseSource reports whether the kickstart is from the source that the release's images have in common, which an override replaces.
func (p Pipeline) ReleaseSource() bool { return p.Source == p.release.Kickstarts.Source }

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
			if err == nil {
				err = c.add(p)
			}
			if err != nil {
				problems = append(problems, err)
			}
		}
	}
	return c, errors.Join(problems...)
}

// add takes in a pipeline whose names are not yet another's.
func (c *Catalog) add(p Pipeline) error {
	for _, have := range c.pipelines {
		if have.Distro() != p.Distro() || have.Release() != p.Release() || !strings.EqualFold(have.Image(), p.Image()) {
			continue
		}
		if strings.EqualFold(have.Variant(), p.Variant()) {
			return fmt.Errorf("%s: %s makes the same image and variant", p.File, have.File)
		}
		if alone := func(p Pipeline) bool { return p.image.Primary || p.Variant() == "" }; alone(have) && alone(p) {
			return fmt.Errorf("%s: %s is the image's primary variant already", p.File, have.File)
		}
	}
	c.pipelines = append(c.pipelines, p)
	return nil
}
