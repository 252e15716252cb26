package plan

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/strictyaml"
)

// imageFile is one image.
type imageFile struct {
	Image         string      `yaml:"image"`
	Variant       string      `yaml:"variant"`
	Primary       bool        `yaml:"primary"`
	Builder       string      `yaml:"builder"`
	Kickstart     string      `yaml:"kickstart"`         // $basearch in it is the architecture
	Kickstarts    perArch     `yaml:"kickstarts"`        // instead of it for some architectures
	Source        string      `yaml:"source"`            // instead of the release's
	Version       string      `yaml:"kickstart_version"` // instead of the release's
	Repositories  []string    `yaml:"repositories"`      // optional ones of the release
	Architectures []string    `yaml:"architectures"`     // instead of the release's
	Disk          diskYAML    `yaml:"disk"`
	Live          liveYAML    `yaml:"live"` // of live images
	Outputs       []Output    `yaml:"outputs"`
	Machine       machineYAML `yaml:"machine"`
	Verify        verifyYAML  `yaml:"verify"`
	Available     []string    `yaml:"available"` // packages that %post installs, where Quarry can't see it
	Labels        []string    `yaml:"labels"`    // words to select images by, such as nightly
}

// perArch are values by the architecture, in RPM's names.
type perArch map[string]string

type diskYAML struct {
	Size   string `yaml:"size"`
	Device string `yaml:"device"` // what the kickstart calls the disk, where that isn't vda
}

type machineYAML struct {
	CPUs    int    `yaml:"cpus"`
	Memory  string `yaml:"memory"`
	Network bool   `yaml:"network"`
}

type verifyYAML struct {
	Method   string   `yaml:"method"`
	Firmware []string `yaml:"firmware"`
	User     string   `yaml:"user"`
	MayFail  []string `yaml:"may_fail"`
}

// unitName is what systemd may call a unit.
var unitName = regexp.MustCompile(`^[A-Za-z0-9:_.@\\-]+\.[a-z]+$`)

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
	c.need(word.MatchString(i.Image), "$.image", "%q is no name: use letters, digits, dots and dashes", i.Image)
	c.need(i.Variant == "" || word.MatchString(i.Variant), "$.variant", "%q is no name: use letters, digits, dots and dashes", i.Variant)
	c.need(slices.Contains(builders(), i.Builder), "$.builder", "there is no builder %q, only %s", i.Builder, strings.Join(builders(), ", "))
	inside := func(path string) bool { return fs.ValidPath(path) && path != "." }
	c.need(inside(i.Kickstart), "$.kickstart", "%q is no path inside the kickstart repository", i.Kickstart)
	for _, a := range slices.Sorted(maps.Keys(i.Kickstarts)) {
		c.need(slices.Contains(p.Architectures(), a), "$.kickstarts", "the image is not made for %q", a)
		c.need(inside(i.Kickstarts[a]), "$.kickstarts", "%q is no path inside the kickstart repository", i.Kickstarts[a])
	}
	if i.Builder != "live" {
		p.diskSize = c.size("$.disk.size", i.Disk.Size)
	}
	c.live(i, release)
	c.need(i.Disk.Device == "" || slices.Contains([]string{"vda", "sda", "hda", "xvda"}, i.Disk.Device), "$.disk.device", "want vda, sda, hda or xvda, not %q", i.Disk.Device)
	c.inherit(i, release)
	p.memoryMiB = int(c.size("$.machine.memory", i.Machine.Memory) >> 20)
	c.need(i.Verify.User == "" && i.Builder == "live" || word.MatchString(i.Verify.User), "$.verify.user", "%q is no name: use letters, digits, dots and dashes", i.Verify.User)
	c.need(i.Machine.CPUs > 0 && i.Machine.CPUs <= 64, "$.machine.cpus", "want 1 to 64")
	c.outputs(i.Builder, i.Outputs)
	for n, label := range i.Labels {
		c.need(labelWord.MatchString(label), fmt.Sprintf("$.labels[%d]", n), "%q is no label: use lower-case letters, digits and dashes", label)
	}
	methods := []string{"ssh", "console", "container", "inspect", "live"}
	c.need(i.Verify.Method == "" || slices.Contains(methods, i.Verify.Method), "$.verify.method", "want %s, not %q", strings.Join(methods, ", "), i.Verify.Method)
	only := map[string]string{"rootfs": "container", "live": "live"} // how the images of these are looked at, and no others
	method, is := only[i.Builder]
	fits := is && i.Verify.Method == method || !is && i.Verify.Method != "container" && i.Verify.Method != "live"
	c.need(i.Verify.Method == "" || fits, "$.verify.method",
		"what the builder %s makes can't be looked at by %q", i.Builder, i.Verify.Method)
	for n, f := range i.Verify.Firmware {
		known := slices.ContainsFunc(arch.All(), func(a arch.Arch) bool { _, ok := a.Has(arch.Kind(f)); return ok })
		c.need(known, fmt.Sprintf("$.verify.firmware[%d]", n), "no architecture has a firmware %q: known are bios, uefi, slof and s390-ccw", f)
	}
	for n, unit := range i.Verify.MayFail {
		c.need(unitName.MatchString(unit), fmt.Sprintf("$.verify.may_fail[%d]", n), "%q is no unit: write it like chronyd.service", unit)
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

// inherit fills in what the image leaves to its release, and checks what it names of it.
func (c *checker) inherit(i *imageFile, release releaseFile) {
	m := &i.Machine
	m.CPUs, m.Memory, m.Network = cmp.Or(m.CPUs, release.Machine.CPUs), cmp.Or(m.Memory, release.Machine.Memory), m.Network || release.Machine.Network
	if i.Verify.User == "" && i.Builder != "live" { // a live image's own user logs in, or nobody does
		i.Verify.User = release.Verify.User
	}
	if i.Version == "" {
		i.Version = release.Kickstarts.Version
	}
	_, err := kickstart.ParseVersion(i.Version)
	c.need(err == nil, "$.kickstart_version", "%v", err)
	for n, id := range i.Repositories {
		at := fmt.Sprintf("$.repositories[%d]", n)
		c.need(slices.ContainsFunc(release.Repositories, func(r repositoryYAML) bool { return r.ID == id && r.Optional }), at,
			"%s %s has no optional repository %q", release.Distro, release.Release, id)
	}
}
