package inspect

import (
	"errors"

	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/progress"
)

// medium looks at an ISO image, all of which is read for its media check.
func (l looker) medium(path string, report progress.Func) error {
	r, err := iso.Inspect(path)
	if err != nil {
		return err
	}
	m := Medium{Report: r, MediaCheck: "passed"}
	l.report.OS, l.report.Unknown, m.Unknown = r.System, r.Unknown, nil
	if r.Kernel != "" {
		l.report.Kernels = []string{r.Kernel}
	}
	for _, e := range r.Entries {
		l.report.Boot = append(l.report.Boot, "CD: "+string(e.Platform)+", "+or(e.Path, "a partition behind the volume"))
	}
	for _, d := range r.Disk {
		l.report.Boot = append(l.report.Boot, "disk: "+d)
	}
	err = iso.CheckMD5(l.ctx, path, report)
	switch {
	case errors.Is(err, iso.ErrNoMD5):
		m.MediaCheck = iso.ErrNoMD5.Error()
	case errors.Is(err, iso.ErrMD5):
		m.MediaCheck = iso.ErrMD5.Error()
	case err != nil:
		return err
	}
	l.report.Medium = &m
	return nil
}
