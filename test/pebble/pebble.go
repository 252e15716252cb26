package pebble

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
)

// lockPoll is how often a build looks whether another one has let go of the cache.
const lockPoll = 200 * time.Millisecond

// Options say what to build and where.
type Options struct {
	Arch    string        // RPM's name; empty is x86_64
	Cache   string        // folder for everything that is kept; empty is $XDG_CACHE_HOME/quarry/pebble
	Jobs    int           // packages made at once; 0 is one per CPU
	Refresh bool          // ask the archive for newer packages
	Desktop bool          // with all that live desktops need, and another kernel: two to three times the work
	Report  progress.Func // may be nil
}

// A Repo is one repository of a tree.
type Repo struct {
	ID   string // what kickstarts call it: "baseos"
	Name string // "BaseOS"
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
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return Tree{}, fmt.Errorf("wait for another build of Pebble in %s: %w", b.cache, err)
	}
	defer func() { _ = lock.Unlock() }() // ends with the process at the latest
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
	decl, err := load(o.Desktop)
	if err != nil {
		return nil, err
	}
	if why := decl.Platforms[a.Name].None; why != "" {
		return nil, fmt.Errorf("there is no Pebble for %s: %s", a.Name, why)
	}
	for _, sub := range []string{"rpms", "trees"} {
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
	code, err := codeDigest(b.Desktop)
	if err != nil {
		return tree, err
	}
	id, err := digest.JSON([]any{b.debs, code, b.signer.Fingerprint})
	if err != nil {
		return tree, err
	}
	name := b.arch.Name
	if b.Desktop {
		name += "-desktop"
	}
	root := filepath.Join(b.cache, "trees", name+"-"+id.Short())
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
	return b.tree(root), durable.Rename(tmp, root)
}

func (b *build) platform() platform { return b.decl.Platforms[b.arch.Name] }

// seeds are the Debian packages that the closure starts from.
func (d declarations) seeds(a arch.Arch) []string {
	out := slices.Clone(d.Seeds)
	if k := d.Platforms[a.Name].Kernel; k != "" {
		out = append(out, k)
	}
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
	for _, r := range b.decl.Repositories {
		if r.on(b.arch.Name) {
			t.Repos = append(t.Repos, Repo{ID: r.ID, Name: r.Name, Path: filepath.Join(root, r.below(b.arch.Name))})
		}
	}
	return t
}
