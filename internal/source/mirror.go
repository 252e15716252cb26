package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/gofrs/flock"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/redact"
)

// patience is how long one URL may take to send its branch. Kickstart repositories are a few megabytes.
const patience = 3 * time.Minute

// withMirror runs work on the bare mirror called name, which is made when it is missing. One process at a time has it.
func withMirror(ctx context.Context, cacheDir, name string, work func(*git.Repository, string) (Checkout, error)) (Checkout, error) {
	dir := filepath.Join(cacheDir, "git")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Checkout{}, fmt.Errorf("making the cache of kickstart repositories: %w", err)
	}
	path := filepath.Join(dir, slug(redact.URL(name))+"-"+digest.Bytes([]byte(name)).Short()+".git")
	lock := flock.New(path + ".lock")
	if ok, err := lock.TryLockContext(ctx, 100*time.Millisecond); !ok {
		return Checkout{}, fmt.Errorf("waiting for the mirror %s, which another quarry is using: %w", path, err)
	}
	defer func() { _ = lock.Unlock() }()
	if err := unlock(path); err != nil {
		return Checkout{}, err
	}
	repo, err := git.PlainOpen(path)
	if errors.Is(err, git.ErrRepositoryNotExists) {
		if err = os.RemoveAll(path); err == nil { // what an interrupted init left
			repo, err = git.PlainInit(path, true)
		}
	}
	if err != nil {
		return Checkout{}, fmt.Errorf("opening the mirror %s: %w; remove it to have it made again", path, err)
	}
	return work(repo, path)
}

// unlock removes git's own locks and half-written packs from a mirror: a git that was killed has left them, as nobody else has the mirror.
func unlock(path string) error {
	return filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("looking for what a killed git has left: %w", err)
		}
		base := filepath.Base(name)
		if e.Type().IsRegular() && (strings.HasSuffix(base, ".lock") || strings.HasPrefix(base, "tmp_")) {
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("removing what a killed git has left: %w", err)
			}
		}
		return nil
	})
}

// openRemote fetches the branch from the first of the URLs that answers.
func openRemote(ctx context.Context, o Options, urls []string) (Checkout, error) {
	name := o.Source.Name
	if o.Override != "" {
		name = o.Override
	}
	return withMirror(ctx, o.CacheDir, name, func(repo *git.Repository, _ string) (Checkout, error) {
		result := Checkout{URL: urls[0], From: "cache", Branch: o.Branch}
		if o.Commit != "" {
			if found, err := at(repo, o, result); err == nil {
				return found, nil
			}
		}
		var errs []error
		for _, address := range urls {
			o.Report.Log("fetching the kickstarts from " + redact.URL(address))
			err := fetch(ctx, repo, address, o.Branch)
			if err == nil {
				result.From = redact.URL(address)
				return at(repo, o, result)
			}
			if ctx.Err() != nil {
				return Checkout{}, context.Cause(ctx)
			}
			err = fmt.Errorf("%s: %w", redact.URL(address), redact.Error(err))
			if len(errs) < len(urls)-1 {
				o.Report.Warn(err.Error() + "; trying the mirror")
			}
			errs = append(errs, err)
		}
		return Checkout{}, &UnreachableError{Source: redact.URL(name), Branch: o.Branch, Errs: errs}
	})
}

// anonymous is the remote at an address, which leaves no trace in the mirror's configuration.
func anonymous(repo *git.Repository, address string) (*git.Remote, error) {
	if u, err := url.Parse(address); err != nil || !slices.Contains([]string{"https", "http", "ssh", "git"}, u.Scheme) {
		return nil, errors.New("only https, http, ssh and git URLs can be fetched")
	}
	return repo.CreateRemoteAnonymous(&config.RemoteConfig{Name: "anonymous", URLs: []string{address}})
}

// fetch brings the branch up to date, also after it was rewritten upstream. References go last, so that a broken
// transfer leaves the mirror as it was.
func fetch(ctx context.Context, repo *git.Repository, address, branch string) error {
	remote, err := anonymous(repo, address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	there, mirrored := refs(branch)
	err = remote.FetchContext(ctx, &git.FetchOptions{
		RemoteName: "anonymous",
		RefSpecs:   []config.RefSpec{config.RefSpec(fmt.Sprintf("+%s:%s", there, mirrored))},
		Tags:       git.NoTags, Force: true, Prune: true,
	})
	switch {
	case err == nil, errors.Is(err, git.NoErrAlreadyUpToDate):
		return nil
	case errors.Is(err, git.NoMatchingRefSpecError{}):
		return &branchError{branch, remoteBranches(ctx, remote)}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	var request *url.Error // says the address, which the caller says too
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}

// openBundle reads a git bundle, which go-git can't, by the git program.
func openBundle(ctx context.Context, o Options, path string) (Checkout, error) {
	return withMirror(ctx, o.CacheDir, path, func(_ *git.Repository, mirror string) (Checkout, error) {
		if err := checkBundle(ctx, path, o.Branch); err != nil {
			return Checkout{}, err
		}
		there, mirrored := refs(o.Branch)
		err := command.Run(ctx, gitCommand("--git-dir", mirror, "fetch", "--quiet", "--no-tags", "--force",
			"--no-write-fetch-head", "--", path, fmt.Sprintf("+%s:%s", there, mirrored)))
		if err != nil {
			return Checkout{}, fmt.Errorf("reading the branch %s of the bundle %s: %w", o.Branch, path, err)
		}
		// The program has written objects behind the library's back.
		repo, err := git.PlainOpen(mirror)
		if err != nil {
			return Checkout{}, fmt.Errorf("opening the mirror %s: %w", mirror, err)
		}
		return at(repo, o, Checkout{URL: path, From: path, Branch: o.Branch})
	})
}

// gitCommand calls the git program so that nothing configured on the host or in the repository runs.
func gitCommand(args ...string) command.Cmd {
	return command.Cmd{
		Args: append([]string{"git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never",
			"-c", "protocol.file.allow=always", "-c", "gc.auto=0", "-c", "transfer.fsckObjects=true"}, args...),
		Env: []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0"},
	}
}

func isRepository(path string) bool {
	_, err := openPlain(path)
	return err == nil
}

func openPlain(path string) (*git.Repository, error) {
	return git.PlainOpenWithOptions(path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
}

// openLocal reads a repository where it stands. What is not committed doesn't count: a build is named by its commit.
func openLocal(ctx context.Context, o Options, path string) (Checkout, error) {
	repo, err := openPlain(path)
	if err != nil {
		return Checkout{}, fmt.Errorf("opening the repository %s: %w", path, err)
	}
	changed, err := command.Output(ctx, gitCommand("-C", path, "status", "--porcelain", "--untracked-files=no"))
	if err == nil && len(changed) > 0 {
		o.Report.Warn(path + " has changes that are not committed: the build uses the commit, without them")
	}
	return at(repo, o, Checkout{URL: path, From: path, Branch: o.Branch})
}

// at finds the commit to use and completes the checkout.
func at(repo *git.Repository, o Options, c Checkout) (Checkout, error) {
	newest, err := branchHead(repo, o.Branch)
	if err != nil {
		return Checkout{}, fmt.Errorf("%s: the branch %s: %w", c.From, o.Branch, err)
	}
	commit := newest
	if o.Commit != "" {
		if commit, err = repo.CommitObject(plumbing.NewHash(o.Commit)); err != nil {
			return Checkout{}, fmt.Errorf("%s has no commit %s: %w", c.From, o.Commit, err)
		}
		// A repository may hold objects of nobody's branch, put there by anyone who can open a pull request.
		if on, err := commit.IsAncestor(newest); err != nil || !on {
			return Checkout{}, fmt.Errorf("%s: the commit %s is not on the branch %s", c.From, o.Commit, o.Branch)
		}
	}
	tree, err := commit.Tree()
	if err != nil {
		return Checkout{}, fmt.Errorf("%s: reading the commit %s: %w", c.From, commit.Hash, err)
	}
	c.Commit, c.FS, c.repo = commit.Hash.String(), newTreeFS(tree, commit.Committer.When), repo
	return c, nil
}

// slug makes a readable file name of a source's name.
func slug(name string) string {
	mapped := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, name)
	return strings.Trim(mapped[max(0, len(mapped)-40):], "-")
}
