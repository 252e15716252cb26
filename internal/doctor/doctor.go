// Package doctor looks at the host and says what Quarry needs and does not find, with the command that mends it. It changes nothing, and it
// tries things out rather than trusting that a file is there.
package doctor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
)

// Finding is what was found of one need.
type Finding struct {
	Name     string `json:"name"`     // "qemu-img"
	For      string `json:"for"`      // what Quarry uses it for
	OK       bool   `json:"ok"`       //
	Required bool   `json:"required"` // without it nothing can be built; others only make something slower or smaller
	Detail   string `json:"detail"`   // its version and place, or what is wrong
	Fix      string `json:"fix,omitempty"`
}

// Need is one program that must be on the host.
type Need struct {
	Name     string
	For      string
	Required bool
	Programs []string // alternatives: names in PATH, or absolute paths
	Version  []string // arguments that make it print its version; nil asks nothing
	Debian   string   // package names
	Rocky    string
}

// Programs is the table of what the host needs whatever it builds.
func Programs() []Need {
	v := []string{"--version"}
	return []Need{
		{"qemu-img", "disk formats", true, []string{"qemu-img"}, v, "qemu-utils", "qemu-img"},
		{"rpmkeys", "checking RPM signatures", true, []string{"rpmkeys"}, v, "rpm", "rpm"},
		{"dnf", "installing packages into a tree", true, []string{"dnf"}, v, "dnf", "dnf"},
		{"createrepo_c", "the repository that the build machine sees", true, []string{"createrepo_c"}, v, "createrepo-c", "createrepo_c"},
		{"mksquashfs", "read-only images of trees", true, []string{"mksquashfs"}, []string{"-version"}, "squashfs-tools", "squashfs-tools"},
		{"xorriso", "ISO images, such as live desktops", false, []string{"xorriso"}, []string{"-version"}, "xorriso", "xorriso"},
		{"mtools", "what UEFI reads of ISO images", false, []string{"mformat"}, v, "mtools", "mtools"},
		{"newuidmap", "installing packages without root", false, []string{"newuidmap"}, nil, "uidmap", "shadow-utils"},
		{"git", "kickstarts from bundles and local repositories", false, []string{"git"}, v, "git", "git"},
	}
}

// QEMU is the need for the machines of an architecture. Enterprise Linux hosts have one for their own, outside of PATH.
func QEMU(a arch.Arch) Need {
	n := Need{
		Name: a.QEMU, For: "build machines of " + a.Name + " and booting its images", Programs: []string{a.QEMU}, Version: []string{"--version"},
		Debian: a.Emulator.Debian, Rocky: a.Emulator.Rocky,
	}
	if a.Native() {
		n.Programs, n.Rocky = append(n.Programs, "/usr/libexec/qemu-kvm"), "qemu-kvm"
	}
	return n
}

// Host is what doctor knows of the distribution it runs on.
type Host struct {
	Name   string // PRETTY_NAME
	Debian bool   // apt; else dnf
	EL     bool   // Enterprise Linux, which has emulators and firmware for its own architecture only
}

// ReadHost reads os-release (see os-release(5)).
func ReadHost(r io.Reader) Host {
	var h Host
	var id, like string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "PRETTY_NAME":
			h.Name = value
		case "ID":
			id = value
		case "ID_LIKE":
			like = value
		}
	}
	for _, word := range strings.Fields(id + " " + like) {
		switch word {
		case "debian", "ubuntu":
			h.Debian = true
		case "rhel":
			h.EL = true
		}
	}
	return h
}

// ThisHost reads /etc/os-release; a host without it is taken for one with dnf.
func ThisHost() Host {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return Host{Name: "an unknown distribution"}
	}
	defer f.Close()
	return ReadHost(f)
}

// Install is the command that brings a package on h.
func (h Host) Install(debian, rocky string) string {
	if h.Debian {
		return "apt-get install --no-install-recommends " + debian
	}
	return "dnf install " + rocky
}

// Foreign is the command that brings what serves another architecture than the host's.
func (h Host) Foreign(p arch.Package) string {
	if h.EL {
		return fmt.Sprintf("Enterprise Linux has no package for it; Fedora's is %s", p.Rocky)
	}
	return h.Install(p.Debian, p.Rocky)
}

// version finds a version number in what a program prints.
var version = regexp.MustCompile(`\d+(\.\d+)+[0-9A-Za-z.+-]*`)

// Check looks for n.
func Check(ctx context.Context, n Need, h Host) Finding {
	f := Finding{Name: n.Name, For: n.For, Required: n.Required}
	path := Find(n.Programs)
	if path == "" {
		f.Detail = "not found"
		f.Fix = h.Install(n.Debian, n.Rocky)
		return f
	}
	f.OK, f.Detail = true, path
	if n.Version == nil {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := command.Output(ctx, command.Cmd{Args: append([]string{path}, n.Version...)})
	if found := version.Find(out); found != nil {
		f.Detail = fmt.Sprintf("%s (%s)", found, path)
	} else if err != nil {
		f.OK, f.Detail, f.Fix = false, fmt.Sprintf("%s does not run: %v", path, err), h.Install(n.Debian, n.Rocky)
	}
	return f
}

// Find returns the path of the first program that is there, also in the folders that an ordinary user's PATH leaves out; "" for none.
func Find(programs []string) string {
	for _, p := range programs {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
		for _, dir := range []string{"/usr/sbin", "/sbin"} {
			if path, err := exec.LookPath(filepath.Join(dir, p)); err == nil {
				return path
			}
		}
	}
	return ""
}

// Healthy reports whether everything that is required was found.
func Healthy(findings []Finding) bool {
	for _, f := range findings {
		if f.Required && !f.OK {
			return false
		}
	}
	return true
}
