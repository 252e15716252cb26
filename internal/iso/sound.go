package iso

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quarry-project/quarry/internal/progress"
)

// Sound reads the whole image at path, which may be anybody's, and returns an error unless it can be what it has to be: an ISO 9660 file system with
// a proper volume id, a kernel and a squashfs, something that starts it, and the content that its implanted checksum was made of.
func Sound(ctx context.Context, path string, report progress.Func) error {
	r, err := Inspect(path)
	if err != nil {
		return err
	}
	switch {
	case len(r.Unknown) > 0:
		err = errors.New(strings.Join(r.Unknown, "; "))
	case r.Kernel == "":
		err = errors.New("it has no kernel")
	case r.Squashfs.Path == "":
		err = fmt.Errorf("it has no main image: none of %s", strings.Join(mains(), ", "))
	case len(r.Firmware) == 0:
		err = errors.New("nothing can start it")
	default:
		err = CheckVolumeID(r.VolumeID)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return CheckMD5(ctx, path, report)
}
