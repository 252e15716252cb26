// Package artifact holds the types of what a build makes: trees, disks and image files. They are plain values that can be
// written as JSON and passed between steps; the bytes are files, named by path and digest. Nothing here makes or reads them.
package artifact

import (
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/nevra"
)

// File is a file that a step left behind.
type File struct {
	Path   string        `json:"path"`             // absolute
	Size   int64         `json:"size"`             // bytes
	Digest digest.Digest `json:"digest,omitempty"` // empty where the file is large and only ever local
}

// Package is an installed RPM.
type Package struct {
	nevra.NEVRA
	Size int64 `json:"size"` // installed bytes
}

// Tree is a root file system as one read-only file: what installing the Lock's packages yields.
type Tree struct {
	File
	Format   string    `json:"format"`   // "squashfs" for the machine, "tar" for a root file system image
	Arch     string    `json:"arch"`     // RPM's name
	Unpacked int64     `json:"unpacked"` // bytes of the files in it
	Packages []Package `json:"packages"` // sorted by name
	Method   string    `json:"method"`   // where it was made: "sandbox" or "machine"
}

// Boot says how an installed disk can start.
type Boot struct {
	BIOS bool `json:"bios,omitempty"`
	UEFI bool `json:"uefi,omitempty"`
	PReP bool `json:"prep,omitempty"` // ppc64le: Open Firmware and a PReP partition
	ZIPL bool `json:"zipl,omitempty"` // s390x
}

// Kernel is what an installed disk would start, copied out of it.
type Kernel struct {
	File
	Initrd  File   `json:"initrd"`
	Cmdline string `json:"cmdline"`
}

// Disk is an installed disk before packaging.
type Disk struct {
	File
	Format      string    `json:"format"`      // QEMU's name: "raw" or "qcow2"
	VirtualSize int64     `json:"virtualSize"` // bytes
	Arch        string    `json:"arch"`
	Boot        Boot      `json:"boot"`
	Packages    []Package `json:"packages"` // what is installed at the end, after %post, sorted by name
	Phases      []Phase   `json:"phases"`   // what the machine did, in order
}

// Phase is a part of the machine's work and how long it took.
type Phase struct {
	Step    string  `json:"step,omitempty"` // that the machine worked for
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Image is a finished file, ready to be verified and published.
type Image struct {
	File
	Format      string    `json:"format"`      // the published suffix without its dot: "qcow2", "raw.xz"
	VirtualSize int64     `json:"virtualSize"` // bytes; 0 for what is no disk
	Arch        string    `json:"arch"`
	Boot        Boot      `json:"boot"`
	Packages    []Package `json:"packages"`
}
