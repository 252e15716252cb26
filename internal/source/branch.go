package source

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/quarry-project/quarry/internal/command"
)

// head stands for the branch that a repository has checked out, where no branch is asked for.
const head = "HEAD"

// branchError is a repository that answers but lacks the branch.
type branchError struct {
	branch string
	have   []string
}

func (e *branchError) Error() string {
	if len(e.have) == 0 {
		return "it has no branch at all: commit the kickstarts to one"
	}
	return fmt.Sprintf("it has no %s, only the branches %s: make that branch there, or name a folder that is no repository", e.branch, strings.Join(e.have, ", "))
}

// refs returns what a branch is called in the repository that has it, and in a mirror of it.
func refs(branch string) (there, mirrored plumbing.ReferenceName) {
	if branch == head {
		return plumbing.HEAD, "refs/quarry/HEAD" // a mirror's own HEAD says nothing
	}
	ref := plumbing.NewBranchReferenceName(branch)
	return ref, ref
}

// branchHead returns a branch's newest commit.
func branchHead(repo *git.Repository, branch string) (*object.Commit, error) {
	there, mirrored := refs(branch)
	for _, name := range []plumbing.ReferenceName{mirrored, there, plumbing.NewRemoteReferenceName("origin", branch)} {
		if ref, err := repo.Reference(name, true); err == nil {
			return repo.CommitObject(ref.Hash())
		}
	}
	var have []string
	if all, err := repo.Branches(); err == nil {
		_ = all.ForEach(func(r *plumbing.Reference) error { // it fails only where the function does
			have = append(have, r.Name().Short())
			return nil
		})
	}
	return nil, &branchError{branch, have}
}

// remoteBranches is what a remote says that it has; nothing where it doesn't say.
func remoteBranches(ctx context.Context, remote *git.Remote) (have []string) {
	all, err := remote.ListContext(ctx, &git.ListOptions{})
	if err != nil {
		return nil
	}
	for _, r := range all {
		if r.Name().IsBranch() {
			have = append(have, r.Name().Short())
		}
	}
	slices.Sort(have)
	return have
}

// checkBundle finds a branch in a bundle's list, which is a line "HASH REF" for each.
func checkBundle(ctx context.Context, path, branch string) error {
	list, err := command.Output(ctx, gitCommand("bundle", "list-heads", path))
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("reading the bundle %s needs the git program: install git", path)
	}
	if err != nil {
		return fmt.Errorf("reading the bundle %s: %w", path, err)
	}
	want, _ := refs(branch)
	var have []string
	for line := range strings.Lines(string(list)) {
		_, ref, _ := strings.Cut(strings.TrimSpace(line), " ")
		name := plumbing.ReferenceName(ref)
		if name == want {
			return nil
		}
		if name.IsBranch() {
			have = append(have, name.Short())
		}
	}
	return fmt.Errorf("the bundle %s: %w", path, &branchError{branch, have})
}
