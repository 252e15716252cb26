package iso

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
)

// Make makes the image that s describes at s.Out. The file is complete, with its checksum implanted, and flushed before it has that name; on an
// error, cancellation included, what had the name before still has it. It needs no root; xorriso and mtools do the work. Reports are of the phases
// "digests", "iso" and "media check". The file that is returned has no digest.
func Make(ctx context.Context, s Spec, report progress.Func) (artifact.File, error) {
	file, err := makeImage(ctx, s, report)
	if err != nil {
		return artifact.File{}, fmt.Errorf("making the image %s: %w", s.Out, err)
	}
	return file, nil
}

func makeImage(ctx context.Context, s Spec, report progress.Func) (artifact.File, error) {
	if err := s.Check(); err != nil {
		return artifact.File{}, err
	}
	dir, err := os.MkdirTemp(s.Dir, "iso-*")
	if err != nil {
		return artifact.File{}, err
	}
	defer os.RemoveAll(dir)
	p, err := placeOf(s.Arch, s.Loader)
	if err != nil {
		return artifact.File{}, err
	}
	w := work{spec: s, place: p, dir: dir, report: report}
	if err := w.collect(ctx); err != nil {
		return artifact.File{}, err
	}
	out, err := os.MkdirTemp(filepath.Dir(s.Out), "."+filepath.Base(s.Out)+".*")
	if err != nil {
		return artifact.File{}, err
	}
	defer os.RemoveAll(out)
	image := filepath.Join(out, "image.iso")
	if err := w.write(ctx, image); err != nil {
		return artifact.File{}, err
	}
	if err := ImplantMD5(ctx, image, report); err != nil {
		return artifact.File{}, err
	}
	info, err := os.Stat(image)
	if err != nil {
		return artifact.File{}, err
	}
	if err := os.Chmod(image, 0o644); err != nil {
		return artifact.File{}, err
	}
	return artifact.File{Path: s.Out, Size: info.Size()}, durable.Rename(image, s.Out)
}

// work is one image being made.
type work struct {
	spec   Spec
	place  place
	dir    string // goes with all that is in it
	report progress.Func
	items  []item
	efi    string // the file system for UEFI, if it is not a file in the image
}

// collect brings everything that will be in the image together, as files of the host.
func (w *work) collect(ctx context.Context) error {
	modules, err := w.modules()
	if err != nil {
		return err
	}
	w.items = layout(w.spec, w.place, modules)
	for _, n := range w.place.needs(w.spec.Boot) {
		if info, err := os.Stat(n.path); err == nil && info.Size() == 0 {
			return fmt.Errorf("%s, the %s, is empty", n.path, n.what)
		}
	}
	for _, f := range w.spec.Content {
		w.items = append(w.items, item{path: f.Path, source: f.Source})
	}
	if err := check(append([]item{{path: efiImage}, {path: s390Image}, {path: treeinfo}, {path: "boot.cat"}}, w.items...)); err != nil {
		return err
	}
	for i := range w.items {
		if err := w.stage(&w.items[i]); err != nil {
			return err
		}
	}
	if err := w.images(ctx); err != nil {
		return err
	}
	sums, err := w.digests(ctx)
	if err != nil {
		return err
	}
	info := item{path: treeinfo, text: treeinfoText(w.spec, w.place, sums)}
	if err := w.stage(&info); err != nil {
		return err
	}
	w.items = append(w.items, info)
	return nil
}

// modules are the names of the files that grub loads.
func (w *work) modules() ([]string, error) {
	if w.place.grub.image == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(w.spec.Boot.Grub)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name := e.Name(); e.Type().IsRegular() && (strings.HasSuffix(name, ".mod") || strings.HasSuffix(name, ".lst")) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no modules of grub", w.spec.Boot.Grub)
	}
	return names, nil
}

// stage looks whether an item's file is one, and makes it a file if it is a text.
func (w *work) stage(it *item) error {
	if it.source == "" {
		it.source = filepath.Join(w.dir, "texts", filepath.FromSlash(it.path))
		if err := os.MkdirAll(filepath.Dir(it.source), 0o755); err != nil {
			return err
		}
		return os.WriteFile(it.source, []byte(it.text), 0o644)
	}
	info, err := os.Stat(it.source)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", it.source)
	}
	if strings.ContainsRune(it.source, '\n') {
		return fmt.Errorf("the path %q has a line break", it.source)
	}
	it.source, err = filepath.Abs(it.source)
	return err
}

// images makes what is computed of other files: the file system for UEFI, and s390x's program.
func (w *work) images(ctx context.Context) error {
	switch {
	case w.place.efi:
		tree := filepath.Join(w.dir, "efi")
		if err := w.efiTree(tree); err != nil {
			return err
		}
		image := filepath.Join(w.dir, "efiboot.img")
		if err := makeEFI(ctx, tree, image, w.spec.Time); err != nil {
			return err
		}
		if w.place.appended {
			w.efi = image
		} else {
			w.items = append(w.items, item{path: efiImage, source: image})
		}
	case w.place.starts.ZIPL:
		image := filepath.Join(w.dir, "cdboot.img")
		if err := writeS390(image, w.spec.Boot.Kernel, w.spec.Boot.Initrd, w.spec.Menu.Args); err != nil {
			return err
		}
		w.items = append(w.items, item{path: s390Image, source: image})
	}
	return nil
}

// digests are those of the files that .treeinfo names.
func (w *work) digests(ctx context.Context) (map[string]digest.Digest, error) {
	named := []string{w.place.kernel, w.place.initrd, efiImage, s390Image, w.place.grub.image, w.spec.Stage2}
	sums := map[string]digest.Digest{}
	for _, it := range w.items {
		if !slices.Contains(named, it.path) {
			continue
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		w.report.Report(progress.Event{Kind: progress.Progress, Phase: "digests", Message: it.path})
		sum, _, err := digest.File(it.source)
		if err != nil {
			return nil, err
		}
		sums[it.path] = sum
	}
	return sums, nil
}
