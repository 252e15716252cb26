package forge

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"
)

// State is how far what a commit status tells of has come.
type State string

// The states that GitHub knows.
const (
	Pending State = "pending"
	Success State = "success"
	Failure State = "failure" // what was asked for was tried and is not good
	Errored State = "error"   // it could not be tried
)

// maxDescription is how many characters of a description GitHub takes.
const maxDescription = 140

// Status is what is shown beside a commit. A later one of the same Context replaces it.
type Status struct {
	State       State
	Context     string // whose status it is: "quarry/rocky-9-GenericCloud-Base-x86_64"
	Description string // for people, one line; what is too long is cut
	URL         string // where to read more; may be empty
}

// SetStatus sets the status of a commit. The token needs the permission to write commit statuses.
func (c *Client) SetStatus(ctx context.Context, t Target, s Status) error {
	status := &github.RepoStatus{
		State: github.String(string(s.State)), Context: github.String(s.Context), Description: github.String(cut(s.Description, maxDescription)),
	}
	if s.URL != "" {
		status.TargetURL = github.String(s.URL)
	}
	return c.do(ctx, fmt.Sprintf("setting the status %s of %s@%.12s", s.Context, t.Repository, t.Commit), func() (*github.Response, error) {
		_, resp, err := c.api.Repositories.CreateStatus(ctx, t.Repository.Owner, t.Repository.Name, t.Commit, status)
		return resp, err
	})
}

// cut shortens a text to so many characters.
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}
