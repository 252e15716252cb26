package packaging

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
)

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
