package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
)

// Method is how an image is looked at. What a report says never goes beyond what its method can see.
type Method string

// The methods.
const (
	SSH       Method = "ssh"       // boots with each firmware, with a NoCloud seed, and logs in: needs cloud-init in the image
	Console   Method = "console"   // boots with each firmware until the console asks for a login; nobody logs in
	Container Method = "container" // unpacks a root file system and runs programs in it; nothing boots
	Live      Method = "live"      // boots an ISO from CD and USB, unchanged, and sees it by its screen and QEMU's guest agent
	Inspect   Method = "inspect"   // mounts the disk in a machine and looks at its files; the image itself doesn't boot
)

// Methods are all of them, in the order in which they are listed to people.
func Methods() []Method { return []Method{SSH, Console, Container, Live, Inspect} }

// ParseMethod reads what pipelines say; "" is the format's usual method.
func ParseMethod(s string) (Method, error) {
	if m := Method(s); s == "" || slices.Contains(Methods(), m) {
		return m, nil
	}
	var names []string
	for _, m := range Methods() {
		names = append(names, string(m))
	}
	return "", fmt.Errorf("unknown way to verify %q: want one of %s", s, strings.Join(names, ", "))
}

// isLayer reports whether files of the format hold a root file system, not a disk.
func isLayer(format string) bool {
	return slices.Contains([]string{"tar.xz", "oci.tar", "wsl"}, format)
}

// isoFormat is the format whose files boot as they are.
const isoFormat = "iso"

// methodFor is the method to use for an image: as asked, if its format can be looked at so. A system that is known not to have cloud-init
// can't be given an account, so it is only waited for until it asks for a login.
func methodFor(asked Method, format string, packages []artifact.Package) (Method, error) {
	if asked == "" {
		isCloudInit := func(p artifact.Package) bool { return p.Name == "cloud-init" }
		switch {
		case isLayer(format):
			return Container, nil
		case format == isoFormat:
			return Live, nil
		case packages != nil && !slices.ContainsFunc(packages, isCloudInit):
			return Console, nil
		}
		return SSH, nil
	}
	if isLayer(format) != (asked == Container) || (format == isoFormat) != (asked == Live) {
		return "", fmt.Errorf("a %s can't be verified by %q", format, asked)
	}
	return asked, nil
}

// boots reports whether the method starts the image.
func (m Method) boots() bool { return m == SSH || m == Console || m == Live }
