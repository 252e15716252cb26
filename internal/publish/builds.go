package publish

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
)

// series is what all builds of one image for one architecture in one format have in common.
type series struct {
	Kind                                 Kind
	Distro, Release, Image, Arch, Format string
}

func (s Subject) series() series {
	return series{s.Kind, s.Distro, s.Release, s.Image, s.Arch, s.Format}
}

// title is the image as file names begin with it, without its architecture.
func (s series) title() string { return s.Distro + "-" + s.Release + "-" + s.Image }

// build is one image of the tree, with a checksum that fits its size.
type build struct {
	name Name
	sum  Checksum
}

// builds returns the images of each series, newest first. Links are no builds.
func (s state) builds() map[series][]build {
	all := map[series][]build{}
	for file, sum := range s.sums {
		if _, link := s.links[file]; link {
			continue
		}
		if n, err := ParseName(file); err == nil {
			all[n.series()] = append(all[n.series()], build{n, sum})
		}
	}
	for _, of := range all {
		slices.SortFunc(of, func(a, b build) int { return -a.name.compare(b.name) })
	}
	return all
}

// compare orders names of a series by when they were made. An installer of the release day is older than any that has a date.
func (n Name) compare(other Name) int {
	return cmp.Or(cmp.Compare(n.Date, other.Date), cmp.Compare(n.Serial, other.Serial), cmp.Compare(n.Form, other.Form), cmp.Compare(n.Version, other.Version))
}

// target is what a link means, if that is the name of an image.
func (s state) target(link string) (Name, bool) {
	n, err := ParseName(s.links[link])
	return n, err == nil
}

// linked is the image part of a cloud image's link: the image's own, or an alias for it. It is empty for the other kinds.
func linked(link string, of Name) string {
	rest, ok := strings.CutPrefix(link, of.Distro+"-"+of.Release+"-")
	if !ok {
		return ""
	}
	image, ok := strings.CutSuffix(rest, ".latest."+of.Arch+"."+of.Format)
	if !ok {
		return ""
	}
	return image
}

// same reads a published file and compares it with its checksum.
func (t *tree) same(ctx context.Context, sum Checksum, report progress.Func) error {
	f, err := os.Open(t.path(sum.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	got, n, err := digest.Reader(&copied{ctx: ctx, in: f, phase: "read", total: sum.Size, report: report})
	switch {
	case err != nil:
		return err
	case n != sum.Size:
		return fmt.Errorf("it has %d bytes, not %d", n, sum.Size)
	case got != sum.Digest:
		return fmt.Errorf("its SHA-256 is %s, not %s", got.Hex(), sum.Digest.Hex())
	}
	return nil
}
