package plan

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// Live is what a live image has that others don't. How its ISO is laid out is not said here: that follows from it and the architecture.
type Live struct {
	VolumeID string `json:"volumeID"` // of the ISO, at most 32 of A-Z, a-z, 0-9, "-", "_", ".": "Rocky-9-6-XFCE"; the initrd looks for it
	Title    string `json:"title"`    // in the boot menus: "Rocky Linux 9.6 XFCE"
	Squash   string `json:"squash"`   // how the root file system is compressed: "xz", with the architecture's BCJ filter, or "zstd"
	Inner    bool   `json:"inner"`    // the squashfs holds one ext4, LiveOS/rootfs.img, of Disk.Size bytes; else the root's files themselves
	Boot     string `json:"boot"`     // the loader for a PC's BIOS: "isolinux" or "grub2"
}

// liveYAML is the section `live` of a release, for all its live images, and of an image, where it differs.
type liveYAML struct {
	Title  string `yaml:"title"`  // without version and image: "Rocky Linux"
	Root   string `yaml:"root"`   // what is in the squashfs: "ext4" or "files"
	Boot   string `yaml:"boot"`   // see Live
	Squash string `yaml:"squash"` // see Live
}

// squashes are the compressions that a live image can have.
func squashes() []string { return []string{"xz", "zstd"} }

// maxVolumeID is how many characters ISO 9660 has room for.
const maxVolumeID = 32

// volumeIDOf is the ISO's volume id: "Rocky-9-6-Workstation-Lite". Of what its parts are made, names and numbers, it may be made as well.
func volumeIDOf(p Plan) string {
	parts := []string{p.DistroName, strings.ReplaceAll(p.Version, ".", "-"), p.Image, p.Variant}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "-")
}

// checkVolumeID refuses a volume id that would be cut off.
func checkVolumeID(id string) error {
	if len(id) > maxVolumeID {
		return fmt.Errorf("the ISO's volume id would be %q, which is %d characters, and there is room for %d: give the image a shorter name", id, len(id), maxVolumeID)
	}
	return nil
}

// live checks what an image and its release say of a live image. A disk's size is the kickstart's to say.
func (c *checker) live(i *imageFile, release releaseFile) {
	if i.Builder != "live" {
		c.need(i.Live == (liveYAML{}), "$.live", "only the builder live has it, not %s", i.Builder)
		return
	}
	c.need(i.Disk == (diskYAML{}), "$.disk", "a live image's size is that of the kickstart's part /: leave it out")
	l, r := &i.Live, release.Live
	l.Title, l.Root, l.Boot = cmp.Or(l.Title, r.Title, release.Name), cmp.Or(l.Root, r.Root), cmp.Or(l.Boot, r.Boot)
	l.Squash = cmp.Or(l.Squash, r.Squash, "xz")
	c.liveWords(*l)
	c.need(l.Root != "", "$.live.root", "is missing, here and in the release: want ext4 or files")
	c.need(l.Boot != "", "$.live.boot", "is missing, here and in the release: want isolinux or grub2")
	err := checkVolumeID(volumeIDOf(Plan{DistroName: release.Name, Version: release.Version, Image: i.Image, Variant: i.Variant}))
	c.need(err == nil, "$.image", "%v", err)
}

// menuTitle is what a title in a boot menu may be made of: it becomes part of the configuration of two boot loaders.
var menuTitle = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,39}$`)

// liveWords checks the values of a section `live` that has them.
func (c *checker) liveWords(l liveYAML) {
	c.need(l.Title == "" || menuTitle.MatchString(l.Title), "$.live.title", "%q is no title: use up to 40 letters, digits, spaces, dots, dashes", l.Title)
	choice := func(at, value string, of ...string) {
		c.need(value == "" || slices.Contains(of, value), at, "want %s, not %q", strings.Join(of, " or "), value)
	}
	choice("$.live.root", l.Root, "ext4", "files")
	choice("$.live.boot", l.Boot, "isolinux", "grub2")
	choice("$.live.squash", l.Squash, squashes()...)
}

// liveOf is a live image's own part of the plan, nil for others.
func (l liveYAML) liveOf(p Plan) *Live {
	if p.Builder != "live" {
		return nil
	}
	title := strings.Join(strings.Fields(l.Title+" "+p.Version+" "+p.Image+" "+p.Variant), " ")
	return &Live{VolumeID: volumeIDOf(p), Title: title, Squash: l.Squash, Inner: l.Root == "ext4", Boot: l.Boot}
}

// liveStorage is how large the root file system is, in bytes: what the last `part /` says, as upstream's kickstarts say it once in what they
// include and again for themselves. An image is installed into a folder, so that the other storage commands mean nothing; the warnings tell of
// those that ask for something.
func liveStorage(ks *kickstart.File) (size int64, problems kickstart.Problems, warnings []string) {
	var root *kickstart.Partition
	leave := func(at kickstart.Position, what string) {
		warnings = append(warnings, fmt.Sprintf("%s: %s is left out: a live image is one file system", at, what))
	}
	for _, p := range ks.Partitions() {
		if p.Mount == "/" {
			root = &p
		} else {
			leave(p.Pos, "part "+p.Mount)
		}
	}
	for _, name := range []string{"autopart", "reqpart", "volgroup", "logvol"} {
		for _, command := range ks.All(name) {
			leave(command.Pos, name)
		}
	}
	if loader := ks.Bootloader(); loader.Append != "" {
		warnings = append(warnings, fmt.Sprintf("%s: bootloader --append is left out: the ISO's menu has arguments of its own", position(ks, "bootloader")))
	}
	switch {
	case root == nil:
		problems = append(problems, problem(kickstart.Position{File: ks.Name, Line: 1, Column: 1}, "add: part / --size=…", "nothing says how large the live system's file system is"))
	case root.Size <= 0:
		problems = append(problems, problem(root.Pos, "give --size in MiB", "the live system's file system has no size"))
	default:
		size = root.Size * mib
	}
	return size, problems, warnings
}

// initrdPackage has the part of the initrd that finds the ISO. livemedia-creator refuses kickstarts that don't name it, too.
const initrdPackage = "dracut-live"

// checkLive refuses what could not become a live image.
func checkLive(ks *kickstart.File) (problems kickstart.Problems) {
	if !slices.Contains(ks.Packages.Set().Packages, initrdPackage) {
		problems = append(problems, problem(kickstart.Position{File: ks.Name, Line: 1, Column: 1}, "add "+initrdPackage+" to %packages",
			"the live system's initrd can't be made without "+initrdPackage))
	}
	return problems
}
