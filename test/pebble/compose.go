package pebble

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"sync/atomic"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
)

// compose makes the tree in an empty folder.
func (b *build) compose(ctx context.Context, root string) error {
	t := b.tree(root)
	var pkgs []pkg
	err := b.Report.Phase(ctx, "read", func(ctx context.Context) (err error) {
		pkgs, err = b.decl.convert(ctx, b.arch, b.debs, b.Jobs)
		return err
	})
	if err != nil {
		return err
	}
	if b.platform().Kernel != "" {
		keepFiles(pkgs)
	}
	rpms := map[string]string{}
	err = b.Report.Phase(ctx, "packages", func(ctx context.Context) (err error) {
		rpms, err = b.buildRPMs(ctx, pkgs)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range t.Repos {
		if err := (repoDir{r.ID, r.Path}).layOut(pkgs, rpms); err != nil {
			return err
		}
	}
	if b.platform().Kernel != "" {
		err = b.Report.Phase(ctx, "installer", func(ctx context.Context) error { return b.images(ctx, pkgs, t.Installer()) })
		if err != nil {
			return err
		}
	}
	if err := os.WriteFile(t.KeyFile, b.signer.Public, 0o644); err != nil {
		return err
	}
	// As on real mirrors, the minor release has a name of its own.
	if err := os.Symlink(release, filepath.Join(root, version)); err != nil {
		return err
	}
	return b.Report.Phase(ctx, "metadata", func(ctx context.Context) error { return b.metadata(ctx, pkgs, t) })
}

// buildRPMs makes the packages that the cache does not hold and returns where each is.
func (b *build) buildRPMs(ctx context.Context, pkgs []pkg) (map[string]string, error) {
	paths := make([]string, len(pkgs))
	var done atomic.Int64
	err := each(ctx, b.Jobs, len(pkgs), func(ctx context.Context, i int) error {
		id, err := pkgs[i].key(b.signer)
		if err != nil {
			return err
		}
		paths[i] = filepath.Join(b.cache, "rpms", pkgs[i].Name+"-"+id.Hex()[:20]+".rpm")
		if _, err := os.Stat(paths[i]); err != nil {
			if err := pkgs[i].build(ctx, b.signer, paths[i]); err != nil {
				return err
			}
		}
		b.Report.Count("packages", done.Add(1), int64(len(pkgs)), progress.Packages)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, p := range pkgs {
		out[p.Name] = paths[i]
	}
	return out, nil
}

// images makes the installer.
func (b *build) images(ctx context.Context, pkgs []pkg, dir string) error {
	k := kernel{}
	for _, p := range pkgs {
		if p.Rule.kernel != nil {
			k = *p.Rule.kernel
		}
	}
	all, err := installer(ctx, closure(pkgs), k, b.arch, b.Jobs)
	if err != nil {
		return err
	}
	if err := b.writeBoot(all, k, dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(stage2Image)), 0o755); err != nil {
		return err
	}
	if err := writeStage2(ctx, all, filepath.Join(dir, stage2Image)); err != nil {
		return err
	}
	return durable.Sync(filepath.Join(dir, stage2Image))
}

// metadata writes comps, .treeinfo and the repositories' metadata.
func (b *build) metadata(ctx context.Context, pkgs []pkg, t Tree) error {
	have := map[string]bool{}
	for _, p := range pkgs {
		have[p.Name] = true
	}
	comps, err := b.decl.comps.xmlFor(b.arch.Name, have)
	if err != nil {
		return err
	}
	groupFile := filepath.Join(t.Root, ".comps.xml")
	if err := os.WriteFile(groupFile, comps, 0o644); err != nil {
		return err
	}
	defer os.Remove(groupFile)
	for _, r := range t.Repos {
		if err := (repoDir{r.ID, r.Path}).index(ctx, groupFile, b.signer); err != nil {
			return err
		}
		groupFile = "" // only BaseOS has groups
		if path.Base(r.Path) != "os" {
			continue // not made by the release's own composes
		}
		sums := map[string]digest.Digest{}
		for _, name := range []string{"repodata/repomd.xml", b.platform().Images.Kernel, b.platform().Images.Initrd, stage2Image} {
			d, _, err := digest.File(filepath.Join(r.Path, name))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			sums[name] = d
		}
		text := treeinfo(b.arch.Name, b.platform(), r.Name, sums)
		if err := os.WriteFile(filepath.Join(r.Path, ".treeinfo"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
