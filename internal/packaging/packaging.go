// Package packaging makes finished files of installed disks: a file of this package per output format, all behind Format and held to one
// conformance suite. It never boots, names or publishes what it makes, and never looks into the file systems.
package packaging

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
)

// Format makes files of one kind. Implementations are stateless values.
//
// Make writes disk to dst as out says, which is of this format, and describes the file. The file is complete, checked and
// flushed before it has the name dst; on an error, cancellation included, dst is what it was before and nothing else is left beside it.
// Reports come in percent, end in 100, and have the phase "package".
type Format interface {
	// Name is the published suffix without its dot, which is also Output.Format: "qcow2".
	Name() string
	Make(ctx context.Context, disk artifact.Disk, out plan.Output, dst string, report progress.Func) (artifact.Image, error)
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

// place has write make a file under a temporary name beside dst, digests it and gives it its name.
func place(dst string, write func(temporary string) error) (artifact.File, error) {
	fail := func(err error) (artifact.File, error) {
		return artifact.File{}, fmt.Errorf("making %s: %w", dst, err)
	}
	dst, err := filepath.Abs(dst)
	if err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(filepath.Dir(dst), "."+filepath.Base(dst)+".*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name()) // no longer there when all went well
	if err := f.Close(); err != nil {
		return fail(err)
	}
	if err := write(f.Name()); err != nil {
		return fail(err)
	}
	sum, size, err := digest.File(f.Name())
	if err != nil {
		return fail(err)
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return fail(err)
	}
	if err := durable.Rename(f.Name(), dst); err != nil {
		return fail(err)
	}
	return artifact.File{Path: dst, Size: size, Digest: sum}, nil
}
