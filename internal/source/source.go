// Package source gets kickstart repositories: a bare mirror of each is kept in a cache, the wanted branch is fetched, and the files of one
// commit are read straight from git's objects. Upstream is asked first and its mirrors after it. It knows nothing of
// kickstarts beyond their being files, and it never checks anything out.
package source

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"

	"github.com/quarry-project/quarry/internal/progress"
)

// Checkout is one commit of a repository.
type Checkout struct {
	// URL names the repository: the first of the source's URLs, whichever of them answered; where there is an override, it, with its path made absolute.
	URL    string
	From   string // what was really read, for people: the URL that answered, or "cache"
	Branch string
	Commit string // 40 hexadecimal digits; empty for a folder that is no repository
	FS     fs.FS  // the commit's files

	repo *git.Repository // nil for a folder that is no repository
}

// Own is the checkout of the kickstarts that Quarry brings along.
func Own(files fs.FS) Checkout { return Checkout{URL: OwnName, From: "the program", FS: files} }

// OwnName is the name of the source that Quarry brings along. No other source can have it.
const OwnName = "quarry"

// Source is a kickstart repository.
type Source struct {
	Name string
	URLs []string // upstream first, then mirrors
}

// Options says what Open is to get.
type Options struct {
	CacheDir string // mirrors are kept in its folder "git"
	Source   Source
	Branch   string // empty is what the repository has checked out: its HEAD
	Commit   string // a commit of the branch; empty is its newest
	Override string // instead of the source's URLs: a folder, a git repository, a bundle or a URL
	Report   progress.Func
}

// Open returns the files of a commit. Only a pinned commit that an earlier call has fetched needs no network. The error is an
// *UnreachableError when no URL answered.
func Open(ctx context.Context, o Options) (Checkout, error) {
	if o.Commit != "" && !isCommit(o.Commit) {
		return Checkout{}, fmt.Errorf("%q is no commit: write all 40 hexadecimal digits", o.Commit)
	}
	if o.Branch == "" {
		o.Branch = head
	}
	if o.Override != "" {
		return openOverride(ctx, o)
	}
	if len(o.Source.URLs) == 0 {
		return Checkout{}, fmt.Errorf("the kickstart source %q has no URL", o.Source.Name)
	}
	return openRemote(ctx, o, o.Source.URLs)
}

func openOverride(ctx context.Context, o Options) (Checkout, error) {
	if u, err := url.Parse(o.Override); err == nil && u.Scheme != "" {
		if u.Scheme == "file" {
			return openPath(ctx, o, u.Path)
		}
		return openRemote(ctx, o, []string{o.Override})
	}
	return openPath(ctx, o, o.Override)
}

// openPath opens what the user has on disk: a bundle, a git repository or a plain folder. The checkout is named by the absolute path, so that
// the same folder makes the same plan however it was typed.
func openPath(ctx context.Context, o Options, path string) (Checkout, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Checkout{}, fmt.Errorf("opening the kickstarts: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return Checkout{}, fmt.Errorf("opening the kickstarts: %w", err)
	case info.Mode().IsRegular():
		return openBundle(ctx, o, path)
	case isRepository(path):
		return openLocal(ctx, o, path)
	case o.Commit != "":
		return Checkout{}, fmt.Errorf("opening the kickstarts: %s is no git repository, so the commit %s can't be in it", path, o.Commit)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return Checkout{}, fmt.Errorf("opening the kickstarts: %w", err)
	}
	return Checkout{URL: path, From: path, FS: root.FS()}, nil
}

// UnreachableError is a source of which no URL could be read.
type UnreachableError struct {
	Source string
	Branch string
	Errs   []error // one for each URL, in order
}

func (e *UnreachableError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the branch %s of the kickstart source %s can't be had:", e.Branch, e.Source)
	for _, err := range e.Errs {
		fmt.Fprintf(&b, "\n  %v", err)
	}
	b.WriteString("\ncheck the network, or name a copy with --kickstarts PATH|URL")
	return b.String()
}

func (e *UnreachableError) Unwrap() []error { return e.Errs }

func isCommit(s string) bool { return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "" }
