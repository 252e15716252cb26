package publish

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Kind is what sort of image a name is for; each has its own form.
type Kind string

// The kinds. The Raspberry Pi's images and root file systems are named as cloud images are.
const (
	Cloud     Kind = "cloud"
	Live      Kind = "live"
	Installer Kind = "installer"
)

// Form is which of the two spellings of a cloud image's name is used. The other kinds have only Wiki.
type Form string

// The forms: the distribution's published convention, and what its image toolkit writes.
const (
	Wiki    Form = "wiki"
	Toolkit Form = "toolkit"
)

// Subject is what a name says of an image apart from when it was made.
type Subject struct {
	Kind    Kind   `json:"kind"`
	Form    Form   `json:"form"`
	Distro  string `json:"distro"`  // "Rocky"
	Release string `json:"release"` // "9"
	Version string `json:"version"` // "9.6"; begins with the release
	Image   string `json:"image"`   // "GenericCloud-Base", "SBC-RaspberryPi", "KDE", "dvd"
	Arch    string `json:"arch"`    // RPM's name
	Format  string `json:"format"`  // suffix without its dot: "qcow2", "raw.xz"
}

// Name is one published file.
type Name struct {
	Subject
	Date   string `json:"date"`   // YYYYMMDD in UTC; empty for an installer of the release day
	Serial int    `json:"serial"` // 0 for the day's first build, 1 for the second
}

// What the parts of a name may be. Only these characters reach the file system.
const (
	distroPart  = `[A-Za-z][A-Za-z0-9]*`
	releasePart = `[0-9]+`
	versionPart = `[0-9]+(?:\.[0-9]+)*`
	imagePart   = `[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z][A-Za-z0-9]*)*`
	typePart    = `boot|minimal|dvd`
	archPart    = `[a-z][a-z0-9_]*`
	formatPart  = `[a-z][a-z0-9]*(?:\.[a-z0-9]+)*`

	maxName   = 200 // bytes; leaves room for ".CHECKSUM" within the 255 of file systems
	maxSerial = 9999
)

// File returns the published file name. It is an error if a part is missing or has characters that would make the name ambiguous.
func (n Name) File() (string, error) {
	if err := n.check(); err != nil {
		return "", err
	}
	day := n.Date
	if n.Serial > 0 {
		day += "." + strconv.Itoa(n.Serial)
	}
	var file string
	switch {
	case n.Kind == Live:
		file = fmt.Sprintf("%s-%s-%s-%s-%s.iso", n.Distro, n.Version, n.Image, n.Arch, day)
	case n.Kind == Installer && n.Date == "":
		file = fmt.Sprintf("%s-%s-%s-%s.iso", n.Distro, n.Version, n.Arch, n.Image)
	case n.Kind == Installer:
		file = fmt.Sprintf("%s-%s-%s-%s-%s.iso", n.Distro, n.Version, day, n.Arch, n.Image)
	case n.Form == Toolkit:
		file = fmt.Sprintf("%s-%s-%s-%s-%s.%d.%s.%s", n.Distro, n.Release, n.Image, n.Version, n.Date, n.Serial, n.Arch, n.Format)
	default:
		file = fmt.Sprintf("%s-%s-%s-%s-%s-%s.%s", n.Distro, n.Release, n.Image, n.Version, day, n.Arch, n.Format)
	}
	if len(file) > maxName {
		return "", fmt.Errorf("the name %q is longer than %d bytes", file, maxName)
	}
	return file, nil
}

// Links returns the names under which the newest image of the subject is found. An alias, if not empty, is a second Image to link:
// "GenericCloud" for the primary variant "GenericCloud-Base". Only cloud images have one.
func (s Subject) Links(alias string) ([]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	switch s.Kind {
	case Live:
		return []string{fmt.Sprintf("%s-%s-%s-%s-latest.iso", s.Distro, s.Release, s.Image, s.Arch)}, nil
	case Installer:
		return []string{
			fmt.Sprintf("%s-%s-%s.iso", s.Distro, s.Arch, s.Image),
			fmt.Sprintf("%s-%s-latest-%s-%s.iso", s.Distro, s.Release, s.Arch, s.Image),
		}, nil
	}
	images := []string{s.Image}
	if alias != "" && alias != s.Image {
		if err := part("alias", alias, imagePart); err != nil {
			return nil, err
		}
		images = append(images, alias)
	}
	var links []string
	for _, image := range images {
		links = append(links, fmt.Sprintf("%s-%s-%s.latest.%s.%s", s.Distro, s.Release, image, s.Arch, s.Format))
	}
	return links, nil
}

// check refuses parts that ParseName would not read back.
func (s Subject) check() error {
	image := imagePart
	switch s.Kind {
	case Cloud:
		if s.Form != Wiki && s.Form != Toolkit {
			return fmt.Errorf("image name: unknown form %q: want %s or %s", s.Form, Wiki, Toolkit)
		}
	case Installer:
		image = typePart
		fallthrough
	case Live:
		if s.Form != Wiki || s.Format != "iso" {
			return fmt.Errorf("image name: a %s image has the form %s and the format iso, not %q and %q", s.Kind, Wiki, s.Form, s.Format)
		}
	default:
		return fmt.Errorf("image name: unknown kind %q: want %s, %s or %s", s.Kind, Cloud, Live, Installer)
	}
	if s.Version != s.Release && !strings.HasPrefix(s.Version, s.Release+".") {
		return fmt.Errorf("image name: version %q does not belong to release %q", s.Version, s.Release)
	}
	return errors.Join(
		part("distribution", s.Distro, distroPart),
		part("release", s.Release, releasePart),
		part("version", s.Version, versionPart),
		part("image", s.Image, image),
		part("architecture", s.Arch, archPart),
		part("format", s.Format, formatPart),
	)
}

func (n Name) check() error {
	if err := n.Subject.check(); err != nil {
		return err
	}
	if n.Serial < 0 || n.Serial > maxSerial {
		return fmt.Errorf("image name: serial %d: want 0 to %d", n.Serial, maxSerial)
	}
	if n.Date == "" && n.Kind == Installer {
		if n.Serial != 0 {
			return errors.New("image name: a second installer image needs a date: a name without one is only for the release day")
		}
		return nil
	}
	// Parsing alone also takes what is no day in that spelling, such as a year with a sign.
	if day, err := time.Parse(dateLayout, n.Date); err != nil || day.Format(dateLayout) != n.Date {
		return fmt.Errorf("image name: date %q: want YYYYMMDD", n.Date)
	}
	return nil
}

const dateLayout = "20060102"

// part refuses a value that is not wholly of the pattern.
func part(what, value, pattern string) error {
	if !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(value) {
		return fmt.Errorf("image name: %s %q: want %s", what, value, pattern)
	}
	return nil
}
