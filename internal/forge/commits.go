package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// Commit is one commit as people look at it.
type Commit struct {
	ID      string    // 40 hexadecimal digits
	Subject string    // the message's first line
	Author  string    // name
	Time    time.Time // of the commit
	URL     string    // its page
}

// Head returns the newest commit of a branch. Where that still is last, GitHub is asked in a way that does not count against the rate limit.
// An empty last asks plainly.
func (c *Client) Head(ctx context.Context, r Repository, branch, last string) (string, error) {
	head := last
	err := c.do(ctx, fmt.Sprintf("asking for the branch %s of %s", branch, r), func() (*github.Response, error) {
		got, resp, err := c.api.Repositories.GetCommitSHA1(ctx, r.Owner, r.Name, "heads/"+branch, last)
		var answer *github.ErrorResponse
		if last != "" && errors.As(err, &answer) && answer.Response.StatusCode == http.StatusNotModified {
			return resp, nil
		}
		if err == nil {
			head = strings.TrimSpace(got)
		}
		return resp, err
	})
	if err == nil && !commit.MatchString(head) {
		err = fmt.Errorf("asking for the branch %s of %s: the answer %.60q is no commit", branch, r, head)
	}
	if err != nil {
		return "", err
	}
	return head, nil
}

// Before returns the newest commit of a branch that is not after t; false when there is none.
func (c *Client) Before(ctx context.Context, r Repository, branch string, t time.Time) (Commit, bool, error) {
	var found []*github.RepositoryCommit
	err := c.do(ctx, fmt.Sprintf("listing the commits of %s", r), func() (resp *github.Response, err error) {
		found, resp, err = c.api.Repositories.ListCommits(ctx, r.Owner, r.Name, &github.CommitsListOptions{
			SHA: branch, Until: t, ListOptions: github.ListOptions{PerPage: 1},
		})
		return resp, err
	})
	if err != nil || len(found) == 0 {
		return Commit{}, false, err
	}
	return commitOf(found[0]), true, nil
}

// Comparison is what one commit has that another has not.
type Comparison struct {
	Ahead    bool     // the second has all of the first's history: nothing was rewritten
	Behind   bool     // the first has all that the second has: there is nothing new
	Commits  []Commit // newest first
	Files    []string // changed, with the old names of those that were renamed
	Complete bool     // Commits and Files are all of them; GitHub lists at most 300 files
}

const (
	maxFiles = 300 // that GitHub lists in a comparison
	maxPages = 10  // of a hundred commits that are read
)

// Compare compares two commits of a repository. One that is not there, for instance as the branch was rewritten, is an error for which NotFound holds.
func (c *Client) Compare(ctx context.Context, r Repository, from, to string) (Comparison, error) {
	what := fmt.Sprintf("comparing two commits of %s", r)
	if !commit.MatchString(from) || !commit.MatchString(to) {
		return Comparison{}, fmt.Errorf("%s: %q and %q are not both commits", what, from, to)
	}
	var result Comparison
	for page := 1; page > 0; {
		var got *github.CommitsComparison
		var next int
		err := c.do(ctx, what, func() (resp *github.Response, err error) {
			got, resp, err = c.api.Repositories.CompareCommits(ctx, r.Owner, r.Name, from, to, &github.ListOptions{Page: page, PerPage: 100})
			if err == nil {
				next = resp.NextPage
			}
			return resp, err
		})
		if err != nil {
			return Comparison{}, err
		}
		if page == 1 { // the others have no files
			status := got.GetStatus()
			result.Ahead, result.Behind = status == "ahead", status == "behind" || status == "identical"
			for _, f := range got.Files {
				result.Files = append(result.Files, f.GetFilename())
				if old := f.GetPreviousFilename(); old != "" {
					result.Files = append(result.Files, old)
				}
			}
			result.Complete = len(got.Files) < maxFiles
		}
		for _, one := range got.Commits {
			result.Commits = append([]Commit{commitOf(one)}, result.Commits...)
		}
		if next > maxPages {
			result.Complete = false
			break
		}
		page = next
	}
	return result, nil
}

func commitOf(c *github.RepositoryCommit) Commit {
	subject, _, _ := strings.Cut(c.GetCommit().GetMessage(), "\n")
	return Commit{
		ID: c.GetSHA(), Subject: strings.TrimSpace(subject), Author: c.GetCommit().GetAuthor().GetName(),
		Time: c.GetCommit().GetCommitter().GetDate().UTC(), URL: c.GetHTMLURL(),
	}
}
