// Package packaging makes finished files of what was installed, disks, root file systems and media: a file of this package per output format, all
// behind Format and held to one conformance suite. It never boots, names or publishes what it makes, and never looks into the file systems.
package packaging

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
)

// Kind is what a format is made of.
type Kind string

// The kinds.
const (
	Disk   Kind = "disk"   // an installed disk
	Tree   Kind = "tree"   // a root file system as one tar
	Medium Kind = "medium" // an image that is finished as it is, and only wants its name
)

// Source is what was installed. Exactly one of Disk, Tree and Medium is set.
type Source struct {
	Disk   *artifact.Disk
	Tree   *artifact.Tree  // of the format "tar"
	Medium *artifact.Image // of the output's format
	About  About
}

// About says what an image is, for formats whose files say so themselves.
type About struct {
	Name    string `json:"name"`    // of the build: "rocky-9-Container-Base-x86_64"
	Distro  string `json:"distro"`  // for people: "Rocky"
	Version string `json:"version"` // "9.6"
	Image   string `json:"image"`   // "Container"
	Variant string `json:"variant"` // "Base"
}

// AboutPlan says of a plan's images what they are.
func AboutPlan(p plan.Plan) About {
	return About{Name: p.Name(), Distro: p.DistroName, Version: p.Version, Image: p.Image, Variant: p.Variant}
}

// Format is one kind of file. The implementations are stateless values, a file of this package each; Make, Check and Unpack call them.
type Format interface {
	// Name is the published suffix without its dot, which is also Output.Format: "qcow2".
	Name() string
	// Takes is the kind of Source that the format is made of.
	Takes() Kind
	// Outputs are all that can be asked for, the usual one first.
	Outputs() []plan.Output

	// write makes the file j.path and returns the size of the virtual disk in it, which is 0 for what is no disk.
	write(ctx context.Context, j job) (virtual int64, err error)
	// check is Check for a file of the format.
	check(ctx context.Context, path, dir string, out plan.Output) error
	// unpack is Unpack for a file of the format.
	unpack(ctx context.Context, path, dir string, percent meter) (Source, error)
}

// All returns every format, in the order in which they are listed to people.
func All() []Format {
	return []Format{
		qcow2{}, raw{}, packed{name: "raw.xz", kind: Disk, codec: xz{}}, packed{name: "raw.zst", kind: Disk, codec: zstandard{}}, vhd{}, vmdk{}, box{},
		packed{name: "tar.xz", kind: Tree, codec: xz{}}, ociTar{}, packed{name: "wsl", kind: Tree, codec: gzip{}},
		isoImage{},
	}
}

// Lookup finds a format by its name. Its error lists what there is.
func Lookup(name string) (Format, error) {
	var known []string
	for _, f := range All() {
		if f.Name() == name {
			return f, nil
		}
		known = append(known, f.Name())
	}
	return nil, fmt.Errorf("unknown output format %q: want one of %s", name, strings.Join(known, ", "))
}

// Accept finds the format that can make out. Its error says what can be asked for.
func Accept(out plan.Output) (Format, error) {
	f, err := Lookup(out.Format)
	if err != nil {
		return nil, err
	}
	return f, accept(f, out)
}

func accept(f Format, out plan.Output) error {
	all := f.Outputs()
	if slices.Contains(all, out) {
		return nil
	}
	var known []string
	for _, o := range all {
		known = append(known, describe(o))
	}
	return fmt.Errorf("there is no %s: want %s", describe(out), strings.Join(known, " or "))
}

// describe puts an output in words: "qcow2 (zlib)".
func describe(o plan.Output) string {
	text := o.Format
	for _, detail := range []string{o.Compression, o.Provider} {
		if detail != "" {
			text += " (" + detail + ")"
		}
	}
	return text
}
