package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/quarry-project/quarry/internal/verify"
)

// reportPath is where the boot report of a published image is kept. Readers of the tree have no use for it, going back to an older image does.
func (t *tree) reportPath(name string) string { return t.own(reportsDir, name+".json") }

// bootReport reads the report of a published image; nil when there is none.
func (t *tree) bootReport(name string) (*verify.Report, error) {
	r, err := verify.LoadReport(t.reportPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no report is no error, and has no value
	}
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// passed says why the image that the checksum describes may not be latest; nil means that it may.
func (t *tree) passed(sum Checksum) error {
	r, err := t.bootReport(sum.Name)
	switch {
	case err != nil:
		return err
	case r == nil:
		return errors.New("no boot report is kept for it")
	case r.Image.Digest != sum.Digest:
		return fmt.Errorf("its boot report is about another file (%s)", r.Image.Digest.Short())
	case !r.Passed:
		return errors.New("its verification failed")
	case r.Unproven != "":
		return errors.New("nothing showed " + r.Unproven)
	}
	return nil
}

// report stages an image's report, unless the one that is kept says the same. What tells of the host that booted it stays out: the
// tree may be mirrored.
func (s *stage) report(name string, r *verify.Report) error {
	if r == nil {
		return nil
	}
	if kept, err := s.tree.bootReport(name); err == nil && kept != nil && kept.Passed == r.Passed && kept.Unproven == r.Unproven && kept.Image.Digest == r.Image.Digest {
		return nil
	}
	public := *r
	public.Boots = slices.Clone(r.Boots)
	for i := range public.Boots {
		public.Boots[i].Console, public.Boots[i].Command = "", ""
	}
	b, err := json.MarshalIndent(public, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.tree.own(reportsDir), 0o755); err != nil {
		return err
	}
	if err := s.text(name, string(b)+"\n"); err != nil {
		return err
	}
	s.steps[len(s.steps)-1].Report = true
	return nil
}
