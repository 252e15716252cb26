package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/sparse"
)

// stage collects files under numbers in the tree's staging folder, and the steps that will name them.
type stage struct {
	tree  *tree
	files int
	steps []step
}

// number returns the next free number.
func (s *stage) number() string {
	s.files++
	return strconv.Itoa(s.files)
}

// image copies an image, with its holes, and checks that it still is what was made and verified.
func (s *stage) image(ctx context.Context, img artifact.Image, name string, report progress.Func) error {
	n := s.number()
	if err := s.copy(ctx, img, n, report); err != nil {
		return fmt.Errorf("copying %s: %w", img.Path, err)
	}
	s.steps = append(s.steps, step{Staged: n, Name: name})
	return s.tree.did("stage")
}

func (s *stage) copy(ctx context.Context, img artifact.Image, number string, report progress.Func) error {
	from, err := os.Open(img.Path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := s.create(number)
	if err != nil {
		return err
	}
	h := sha256.New()
	source := &copied{ctx: ctx, in: from, phase: "publish", total: img.Size, report: report}
	n, err := sparse.Copy(to, io.TeeReader(source, h))
	if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
		return err
	}
	if got := digest.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))); n != img.Size || got != img.Digest {
		return fmt.Errorf("it has changed since it was made: it had %d bytes and SHA-256 %s, now %d and %s; remove %s and build again",
			img.Size, img.Digest.Hex(), n, got.Hex(), filepath.Dir(img.Path))
	}
	return nil
}

// text stages a small file that gets the name.
func (s *stage) text(name, content string) error {
	n := s.number()
	f, err := s.create(n)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	s.steps = append(s.steps, step{Staged: n, Name: name})
	return s.tree.did("stage")
}

// link stages a symbolic link to the published name target, and its checksum under the link's name. The checksum of what the link meant
// before goes first: between the steps a reader may find no checksum for the link, but never a wrong one.
func (s *stage) link(target string, sum Checksum) error {
	n := s.number()
	if err := os.Symlink(target, s.tree.own(stagingDir, n)); err != nil {
		return err
	}
	if err := s.tree.did("stage"); err != nil {
		return err
	}
	if err := s.text(sum.Name+checksumSuffix, sum.String()); err != nil {
		return err
	}
	last := len(s.steps) - 1
	named := s.steps[last]
	withdrawn := step{Staged: named.Staged, Name: named.Name, Withdraw: true}
	s.steps = append(s.steps[:last], withdrawn, step{Staged: n, Name: sum.Name}, named)
	return nil
}

// sealed flushes the staging folder itself, so that a journal never speaks of files that a power cut took.
func (s *stage) sealed() error { return durable.Sync(s.tree.own(stagingDir)) }

// create opens a new staged file that everybody may read, whatever the umask.
func (s *stage) create(number string) (*os.File, error) {
	f, err := os.OpenFile(s.tree.own(stagingDir, number), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// room is an error if the file system of dir has less than need bytes free.
func room(dir string, need int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	if free := int64(s.Bavail) * s.Bsize; free < need {
		return fmt.Errorf("%d bytes are needed and %d are free: %w", need, free, unix.ENOSPC)
	}
	return nil
}

// copied reads until the context ends, and reports how far it came.
type copied struct {
	ctx         context.Context
	in          io.Reader
	phase       string
	done, total int64
	report      progress.Func
}

func (c *copied) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	n, err := c.in.Read(p)
	c.done += int64(n)
	c.report.Count(c.phase, c.done, c.total, progress.Bytes)
	return n, err
}
