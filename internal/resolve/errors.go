package resolve

import (
	"fmt"
	"strings"

	"github.com/quarry-project/quarry/internal/redact"
)

// MissingError is a wish that no repository can fulfil.
type MissingError struct {
	Wants        []string // with their places in the kickstart
	Repositories []string // that were searched
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("in no repository: %s\nsearched: %s\ncorrect the kickstart, add a repository, or let %%packages --ignoremissing leave them out",
		strings.Join(e.Wants, ", "), redact.Text(strings.Join(e.Repositories, ", ")))
}

// BrokenError is a set of packages that can't be installed together.
type BrokenError struct {
	Explanation string // dnf's, a line per problem
}

func (e *BrokenError) Error() string {
	lines := strings.Split(strings.TrimSpace(e.Explanation), "\n")
	return "the packages can't be installed together:\n  " + strings.Join(lines, "\n  ") +
		"\ncheck that the repositories belong together, and what the kickstart leaves out"
}

// RepositoryError is a repository whose metadata can't be had or trusted.
type RepositoryError struct {
	ID, URL string
	Message string // librepo's
}

func (e *RepositoryError) Error() string {
	return redact.Text(fmt.Sprintf("the repository %s at %s: %s", e.ID, e.URL, e.Message))
}

// SignatureError is an RPM that isn't signed by one of the lock's keys.
type SignatureError struct {
	Packages []string // NAME-…: what rpm says of it
	Keys     []string // fingerprints that are accepted
}

func (e *SignatureError) Error() string {
	return fmt.Sprintf("not signed by any of the keys %s:\n  %s\nuse a mirror that has the release's own packages, or name their key with --key FILE",
		strings.Join(e.Keys, ", "), strings.Join(e.Packages, "\n  "))
}
