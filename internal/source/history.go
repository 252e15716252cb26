package source

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/quarry-project/quarry/internal/redact"
)

// Commit is one commit as people look at it. What it says was written by whoever made it.
type Commit struct {
	ID      string    `json:"id"`      // 40 hexadecimal digits
	Subject string    `json:"subject"` // the message's first line
	Author  string    `json:"author"`
	Time    time.Time `json:"time"`          // of the commit, UTC
	URL     string    `json:"url,omitempty"` // its page, where there is one
}

// History is what a commit has that an older one has not.
type History struct {
	Commits   []Commit // newest first
	Files     []string // that differ between the two, in order
	Rewritten bool     // the older commit is no part of the newer one's history
}

// ErrUnknownCommit is a commit that the mirror does not have, for instance as the branch was rewritten before the mirror was made.
var ErrUnknownCommit = errors.New("the repository has no such commit")

// Head returns the newest commit of a branch without fetching anything: only the references of the first URL that answers are read. A
// folder that is no repository has none. The error is an *UnreachableError when no URL answered.
func Head(ctx context.Context, o Options) (string, error) {
	if o.Branch == "" {
		o.Branch = head
	}
	urls, name := o.Source.URLs, o.Source.Name
	if o.Override != "" {
		if !isURL(o.Override) {
			c, err := Open(ctx, o)
			return c.Commit, err
		}
		urls, name = []string{o.Override}, o.Override
	}
	repo, err := git.Init(memory.NewStorage(), nil)
	if err != nil {
		return "", err
	}
	var errs []error
	for _, address := range urls {
		id, err := remoteHead(ctx, repo, address, o.Branch)
		if err == nil {
			return id, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		errs = append(errs, fmt.Errorf("%s: %w", redact.URL(address), redact.Error(err)))
	}
	return "", &UnreachableError{Source: redact.URL(name), Branch: o.Branch, Errs: errs}
}

func remoteHead(ctx context.Context, repo *git.Repository, address, branch string) (string, error) {
	remote, err := anonymous(repo, address)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	all, err := remote.ListContext(ctx, &git.ListOptions{})
	if err != nil {
		return "", err
	}
	refs := memory.ReferenceStorage{}
	var have []string
	for _, r := range all {
		_ = refs.SetReference(r) // in memory
		if r.Name().IsBranch() {
			have = append(have, r.Name().Short())
		}
	}
	want := plumbing.NewBranchReferenceName(branch)
	if branch == head {
		want = plumbing.HEAD
	}
	ref, err := storer.ResolveReference(refs, want)
	if err != nil {
		slices.Sort(have)
		return "", &branchError{branch, have}
	}
	return ref.Hash().String(), nil
}

// At returns the same repository at another commit that it has, of its branch or not.
func (c Checkout) At(id string) (Checkout, error) {
	commit, err := c.commit(id)
	if err != nil {
		return Checkout{}, err
	}
	tree, err := commit.Tree()
	if err != nil {
		return Checkout{}, fmt.Errorf("%s: reading the commit %s: %w", c.From, id, err)
	}
	c.Commit, c.FS = id, newTreeFS(tree, commit.Committer.When)
	return c, nil
}

// Resolve finds the commit that a word means in git: a hash or the beginning of one, a branch or a tag. The error is ErrUnknownCommit when
// there is none.
func (c Checkout) Resolve(word string) (string, error) {
	if c.repo != nil {
		if id, err := c.repo.ResolveRevision(plumbing.Revision(word)); err == nil {
			return id.String(), nil
		}
	}
	return "", fmt.Errorf("%s: %.40q: %w", c.From, word, ErrUnknownCommit)
}

// commit finds a commit; the error is ErrUnknownCommit when there is none.
func (c Checkout) commit(id string) (*object.Commit, error) {
	if c.repo == nil || !isCommit(id) {
		return nil, fmt.Errorf("%s: %.40q: %w", c.From, id, ErrUnknownCommit)
	}
	commit, err := c.repo.CommitObject(plumbing.NewHash(id))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		err = ErrUnknownCommit
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", c.From, id, err)
	}
	return commit, nil
}

// Before returns the newest commit of the checkout's history that is not after t; false when there is none.
func (c Checkout) Before(ctx context.Context, t time.Time) (Commit, bool, error) {
	newest, err := c.commit(c.Commit)
	if err != nil {
		return Commit{}, false, err
	}
	var found *object.Commit
	err = object.NewCommitIterCTime(newest, nil, nil).ForEach(func(one *object.Commit) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if one.Committer.When.After(t) {
			return nil
		}
		found = one
		return storer.ErrStop
	})
	if err != nil || found == nil {
		return Commit{}, false, err
	}
	return commitOf(found), true, nil
}

// Since compares the checkout with an older commit of its repository. The error is ErrUnknownCommit when the repository does not have it.
func (c Checkout) Since(ctx context.Context, older string) (History, error) {
	var h History
	from, err := c.commit(older)
	if err != nil {
		return h, err
	}
	to, err := c.commit(c.Commit)
	if err != nil {
		return h, err
	}
	known := map[plumbing.Hash]bool{}
	walk := func(from *object.Commit, do func(*object.Commit)) error {
		return object.NewCommitIterCTime(from, known, nil).ForEach(func(one *object.Commit) error {
			do(one)
			return context.Cause(ctx)
		})
	}
	var old []plumbing.Hash
	if err := walk(from, func(one *object.Commit) { old = append(old, one.Hash) }); err != nil {
		return h, err
	}
	for _, id := range old {
		known[id] = true
	}
	if err := walk(to, func(one *object.Commit) { h.Commits = append(h.Commits, commitOf(one)) }); err != nil {
		return h, err
	}
	ahead, err := from.IsAncestor(to)
	if err != nil {
		return h, err
	}
	h.Rewritten = !ahead
	h.Files, err = differing(ctx, from, to)
	return h, err
}

// differing lists the files that differ between two commits.
func differing(ctx context.Context, from, to *object.Commit) ([]string, error) {
	a, err := from.Tree()
	if err != nil {
		return nil, err
	}
	b, err := to.Tree()
	if err != nil {
		return nil, err
	}
	changes, err := object.DiffTreeWithOptions(ctx, a, b, &object.DiffTreeOptions{})
	if err != nil {
		return nil, err
	}
	var files []string
	for _, change := range changes {
		for _, name := range []string{change.From.Name, change.To.Name} {
			if name != "" {
				files = append(files, name)
			}
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

func commitOf(c *object.Commit) Commit {
	subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
	return Commit{ID: c.Hash.String(), Subject: subject, Author: c.Author.Name, Time: c.Committer.When.UTC()}
}

// isURL reports whether an override is fetched, and not read from the disk.
func isURL(override string) bool {
	u, err := url.Parse(override)
	return err == nil && u.Scheme != "" && u.Scheme != "file"
}
