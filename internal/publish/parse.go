package publish

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The shapes of a file name, with named groups for the fields of Name.
const (
	distroGroup = `^(?P<distro>` + distroPart + `)-`
	cloudGroup  = distroGroup + `(?P<release>` + releasePart + `)-(?P<image>` + imagePart + `)-(?P<version>` + versionPart + `)-(?P<date>[0-9]{8})`
	archGroup   = `(?P<arch>` + archPart + `)`
	formatGroup = `\.(?P<format>` + formatPart + `)$`
	isoGroup    = `\.(?P<format>iso)$`
	dayGroup    = `(?P<date>[0-9]{8})(?:\.(?P<serial>[1-9][0-9]*))?`
	typeGroup   = `(?P<image>` + typePart + `)`
	verGroup    = `(?P<version>` + versionPart + `)-`
)

// shapes lists every spelling. No name is of two of them.
func shapes() []shape {
	return []shape{
		{Cloud, Wiki, cloudGroup + `(?:\.(?P<serial>[1-9][0-9]*))?-` + archGroup + formatGroup},
		{Cloud, Toolkit, cloudGroup + `\.(?P<serial>0|[1-9][0-9]*)\.` + archGroup + formatGroup},
		{Live, Wiki, distroGroup + verGroup + `(?P<image>` + imagePart + `)-` + archGroup + `-` + dayGroup + isoGroup},
		{Installer, Wiki, distroGroup + verGroup + archGroup + `-` + typeGroup + isoGroup},
		{Installer, Wiki, distroGroup + verGroup + dayGroup + `-` + archGroup + `-` + typeGroup + isoGroup},
	}
}

type shape struct {
	kind    Kind
	form    Form
	pattern string
}

// ParseName reads a published file name of any kind and form. Names of links are not read: they don't say which image they mean.
func ParseName(file string) (Name, error) {
	if len(file) > maxName {
		return Name{}, fmt.Errorf("%.40q… is longer than a published name can be", file)
	}
	for _, s := range shapes() {
		if n, ok := s.read(file); ok {
			if err := n.check(); err != nil {
				return Name{}, fmt.Errorf("reading the name %q: %w", file, err)
			}
			return n, nil
		}
	}
	return Name{}, fmt.Errorf("%q is not the name of a published image, such as Rocky-9-GenericCloud-Base-9.6-20260101-x86_64.qcow2", file)
}

// read takes file apart if it has the shape.
func (s shape) read(file string) (Name, bool) {
	pattern := regexp.MustCompile(s.pattern)
	groups := pattern.FindStringSubmatch(file)
	if groups == nil {
		return Name{}, false
	}
	get := func(name string) string {
		if i := pattern.SubexpIndex(name); i >= 0 {
			return groups[i]
		}
		return ""
	}
	n := Name{
		Subject: Subject{
			Kind: s.kind, Form: s.form, Distro: get("distro"), Release: get("release"), Version: get("version"),
			Image: get("image"), Arch: get("arch"), Format: get("format"),
		},
		Date: get("date"),
	}
	if n.Release == "" {
		n.Release, _, _ = strings.Cut(n.Version, ".")
	}
	if serial := get("serial"); serial != "" {
		var err error
		if n.Serial, err = strconv.Atoi(serial); err != nil {
			return Name{}, false
		}
	}
	return n, true
}
