// Package packaging makes finished files of what was installed, disks and root file systems: a file of this package per output format, all
// behind Format and held to one conformance suite. It never boots, names or publishes what it makes, and never looks into the file systems.
package packaging

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
)

// Kind is what a format is made of.
type Kind string

// The kinds.
const (
	Disk Kind = "disk" // an installed disk
	Tree Kind = "tree" // a root file system as one tar
)

// Source is what was installed. Exactly one of Disk and Tree is set.
type Source struct {
	Disk  *artifact.Disk
	Tree  *artifact.Tree // of the format "tar"
	About About
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

// Format makes files of one kind. Implementations are stateless values.
//
// Make writes in to dst as out says, which is one of Outputs, and describes the file. The file is complete, checked and
// flushed before it has the name dst; on an error, cancellation included, dst is what it was before and nothing else is left beside it.
// The same input makes the same bytes, on any host with the same programs. Reports come in percent, end in 100, and have the phase "package".
type Format interface {
	// Name is the published suffix without its dot, which is also Output.Format: "qcow2".
	Name() string
	// Takes is the kind of Source that Make needs.
	Takes() Kind
	// Outputs are all that Make can be asked for, the usual one first.
	Outputs() []plan.Output
	Make(ctx context.Context, in Source, out plan.Output, dst string, report progress.Func) (artifact.Image, error)
}

// phase is the name under which all formats report.
const phase = "package"

// All returns every format, in the order in which they are listed to people.
func All() []Format { return []Format{QCOW2{}} }

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

// Make makes one output of in: it finds the format, checks that it can do what is asked, and has it done.
func Make(ctx context.Context, in Source, out plan.Output, dst string, report progress.Func) (artifact.Image, error) {
	f, err := Accept(out)
	if err != nil {
		return artifact.Image{}, err
	}
	return f.Make(ctx, in, out, dst, report)
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

// check says what is wrong with in and out for the format.
func (in Source) check(f Format, out plan.Output) error {
	if (in.Disk == nil) == (in.Tree == nil) {
		return errors.New("packaging needs a disk or a root file system, and not both")
	}
	has := Disk
	if in.Tree != nil {
		has = Tree
	}
	if has != f.Takes() {
		return fmt.Errorf("the format %s is made of a %s, and there is a %s", f.Name(), f.Takes(), has)
	}
	if in.Tree != nil && in.Tree.Format != "tar" {
		return fmt.Errorf("the format %s is made of a tar, and the root file system is a %s", f.Name(), in.Tree.Format)
	}
	return accept(f, out)
}

// image describes the finished file.
func (in Source) image(f Format, file artifact.File) artifact.Image {
	if t := in.Tree; t != nil {
		return artifact.Image{File: file, Format: f.Name(), Arch: t.Arch, Packages: t.Packages}
	}
	d := in.Disk
	return artifact.Image{File: file, Format: f.Name(), VirtualSize: d.VirtualSize, Arch: d.Arch, Boot: d.Boot, Packages: d.Packages}
}
