package pebble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
)

const (
	baseOS    = "BaseOS"
	appStream = "AppStream"
)

// Options say what to build and where.
type Options struct {
	Arch    string        // RPM's name; empty is x86_64
	Cache   string        // folder for everything that is kept; empty is $XDG_CACHE_HOME/quarry/pebble
	Jobs    int           // packages made at once; 0 is one per CPU
	Refresh bool          // ask the archive for newer packages
	Report  progress.Func // may be nil
}

// A Repo is one repository of a tree.
type Repo struct {
	ID   string // "baseos" or "appstream"
	Name string // "BaseOS" or "AppStream"
	Path string // absolute, of the folder that holds repodata
}

// A Tree is a finished Pebble for one architecture.
type Tree struct {
	Root           string // absolute; holds RELEASE/REPOSITORY/ARCH/os
	Arch           string
	Release        string // "9"
	Version        string // "9.6"
	KeyFile        string // absolute, the public key that packages and metadata are signed with
	KeyFingerprint string // upper-case hexadecimal
	Repos          []Repo
}

// Installer is the folder that holds .treeinfo and the installer's images.
func (t Tree) Installer() string { return t.Repos[0].Path }

// Build returns the tree, which it makes if the cache does not hold it. Several processes may build in the same cache.
func Build(ctx context.Context, o Options) (Tree, error) {
	b, err := newBuild(o)
	if err != nil {
		return Tree{}, err
	}
	lock := flock.New(filepath.Join(b.cache, "lock"))
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return Tree{}, fmt.Errorf("wait for another build of Pebble in %s: %w", b.cache, err)
	}
	defer lock.Unlock()
	return b.run(ctx)
}

// A build is one call of Build.
type build struct {
	Options
	cache  string
	arch   arch.Arch
	decl   declarations
	signer *key
	debs   []deb
}

func newBuild(o Options) (*build, error) {
	if o.Arch == "" {
		o.Arch = "x86_64"
	}
	if o.Jobs < 1 {
		o.Jobs = runtime.NumCPU()
	}
	a, err := arch.Lookup(o.Arch)
	if err != nil {
		return nil, err
	}
	cache := o.Cache
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the cache folder (set --cache): %w", err)
		}
		cache = filepath.Join(dir, "quarry", "pebble")
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return nil, err
	}
	decl, err := load()
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"rpms", "trees", "key"} {
		if err := os.MkdirAll(filepath.Join(cache, sub), 0o755); err != nil {
			return nil, err
		}
	}
	return &build{Options: o, cache: cache, arch: a, decl: decl}, nil
}

func (b *build) run(ctx context.Context) (tree Tree, err error) {
	if b.signer, err = loadKey(filepath.Join(b.cache, "key")); err != nil {
		return tree, err
	}
	seeds := b.decl.seeds(b.arch)
	seedKey, err := digest.JSON(seeds)
	if err != nil {
		return tree, err
	}
	source := archive{dir: filepath.Join(b.cache, "archive", b.arch.Debian), arch: b.arch}
	if b.debs, err = source.resolve(ctx, seeds, seedKey.Short(), b.Refresh); err != nil {
		return tree, err
	}
	code, err := codeDigest()
	if err != nil {
		return tree, err
	}
	id, err := digest.JSON([]any{b.debs, code, b.signer.Fingerprint})
	if err != nil {
		return tree, err
	}
	root := filepath.Join(b.cache, "trees", b.arch.Name+"-"+id.Short())
	if _, err := os.Stat(root); err == nil {
		b.Report.Log("Pebble for " + b.arch.Name + " is in the cache")
		return b.tree(root), nil
	}
	err = b.Report.Phase(ctx, "download", func(ctx context.Context) error { return source.download(ctx, seeds, b.debs) })
	if err != nil {
		return tree, err
	}
	tmp, err := os.MkdirTemp(filepath.Join(b.cache, "trees"), ".new-")
	if err != nil {
		return tree, err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return tree, err
	}
	if err := b.compose(ctx, tmp); err != nil {
		return tree, err
	}
	return b.tree(root), os.Rename(tmp, root)
}

// seeds are the Debian packages that the closure starts from.
func (d declarations) seeds(a arch.Arch) []string {
	out := append([]string{d.Platforms[a.Name].Kernel}, d.Seeds...)
	for _, r := range d.Packages {
		if r.on(a.Name) {
			out = append(out, r.Debs...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// tree describes a finished tree.
func (b *build) tree(root string) Tree {
	t := Tree{Root: root, Arch: b.arch.Name, Release: release, Version: version,
		KeyFile: filepath.Join(root, release, keyName), KeyFingerprint: b.signer.Fingerprint}
	for _, r := range []Repo{{ID: "baseos", Name: baseOS}, {ID: "appstream", Name: appStream}} {
		r.Path = filepath.Join(root, release, r.Name, b.arch.Name, "os")
		t.Repos = append(t.Repos, r)
	}
	return t
}

// compose makes the tree in an empty folder.
func (b *build) compose(ctx context.Context, root string) error {
	t := b.tree(root)
	var pkgs []pkg
	err := b.Report.Phase(ctx, "read", func(ctx context.Context) (err error) {
		pkgs, err = b.decl.convert(ctx, b.arch, b.debs)
		return err
	})
	if err != nil {
		return err
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
		if err := (repoDir{r.Name, r.Path}).layOut(pkgs, rpms); err != nil {
			return err
		}
	}
	err = b.Report.Phase(ctx, "installer", func(ctx context.Context) error { return b.images(ctx, pkgs, t.Installer()) })
	if err != nil {
		return err
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
	var done progressCount
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(b.Jobs)
	for i, p := range pkgs {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			id, err := p.key(b.signer)
			if err != nil {
				return err
			}
			paths[i] = filepath.Join(b.cache, "rpms", p.Name+"-"+id.Hex()[:20]+".rpm")
			if _, err := os.Stat(paths[i]); err != nil {
				if err := p.build(ctx, b.signer, paths[i]); err != nil {
					return err
				}
			}
			b.Report.Count("packages", done.next(), int64(len(pkgs)), progress.Packages)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
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
	all, err := installer(ctx, closure(pkgs), k, b.arch)
	if err != nil {
		return err
	}
	image, ok := all[modulesDir+k.Name+"/vmlinuz"]
	if !ok {
		return errors.New("the closure has no kernel image")
	}
	small, err := initrdFiles(all, k, b.decl.Platforms[b.arch.Name].Modules)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(kernelImage)), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, kernelImage), image.Body, 0o644); err != nil {
		return err
	}
	initrd, err := os.Create(filepath.Join(dir, initrdImage))
	if err != nil {
		return err
	}
	defer initrd.Close()
	if err := writeInitrd(initrd, small); err != nil {
		return err
	}
	if err := initrd.Close(); err != nil {
		return err
	}
	return writeStage2(ctx, all, filepath.Join(dir, stage2Image))
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
		if err := (repoDir{r.Name, r.Path}).index(ctx, groupFile, b.signer); err != nil {
			return err
		}
		groupFile = "" // only BaseOS has groups
		sums := map[string]digest.Digest{}
		for _, name := range []string{"repodata/repomd.xml", kernelImage, initrdImage, stage2Image} {
			d, _, err := digest.File(filepath.Join(r.Path, name))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			sums[name] = d
		}
		text := treeinfo(b.arch.Name, b.decl.Platforms[b.arch.Name].Platforms, r.Name, sums)
		if err := os.WriteFile(filepath.Join(r.Path, ".treeinfo"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
