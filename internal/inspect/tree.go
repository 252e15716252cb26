package inspect

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/packaging"
)

// container says what an OCI archive says of itself.
func (l looker) container(name string) error {
	img, file, err := packaging.OpenOCI(name)
	if err != nil {
		return err
	}
	defer file.Close()
	config, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading its configuration: %w", err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	c := &Container{OS: config.OS, Architecture: config.Architecture, Cmd: config.Config.Cmd, Labels: config.Config.Labels}
	for _, layer := range manifest.Layers {
		c.Layers = append(c.Layers, Layer{Digest: layer.Digest.String(), Size: layer.Size})
	}
	l.report.Container = c
	return nil
}

// tree looks at a root file system's tar.
func (l looker) tree(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	database := ""
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if l.ctx.Err() != nil {
			return l.ctx.Err()
		}
		p := path.Clean(strings.TrimPrefix(h.Name, "/"))
		switch {
		case h.Typeflag != tar.TypeReg:
		case slices.Contains(osReleases(), p) && l.report.OS == "":
			var text bytes.Buffer
			if _, err := io.Copy(&text, io.LimitReader(t, maxOSRelease)); err != nil {
				return err
			}
			l.report.OS = prettyName(text.String())
		case slices.Contains(databases(), p) && h.Size < maxDatabase:
			database = filepath.Join(l.dir, "rpmdb.sqlite")
			if err := save(database, func(w *os.File) error { _, err := io.Copy(w, t); return err }); err != nil {
				return err
			}
		case path.Dir(p) == "boot":
			l.kernels([]string{path.Base(p)})
		case path.Base(p) == "vmlinuz" && path.Dir(path.Dir(p)) == "usr/lib/modules":
			l.kernels([]string{"vmlinuz-" + path.Base(path.Dir(p))})
		}
	}
	if l.report.OS == "" {
		l.unknown("os-release", errors.New("it has none"))
	}
	if database == "" {
		l.unknown("packages", errors.New("it has no RPM database in SQLite"))
		return nil
	}
	l.readDatabase(database)
	return nil
}
