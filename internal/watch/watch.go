// Package watch finds out which images the new commits of kickstart repositories touch. What is new comes from GitHub's API where a source has a
// mirror there, from git's own references otherwise; what an image is made of comes from its kickstart and the files that this includes.
// It builds nothing, and what it has seen it remembers only when told to.
package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quarry-project/quarry/internal/forge"
	"github.com/quarry-project/quarry/internal/kickstart"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/redact"
	"github.com/quarry-project/quarry/internal/source"
)

// Branch is a branch of a kickstart repository and the images that come from it.
type Branch struct {
	Source   source.Source
	Branch   string
	Override string // instead of the source's URLs: see source.Options
	Images   []Image
}

// Key names the branch in a State.
func (b Branch) Key() string {
	if b.Override != "" {
		return redact.URL(b.Override) + " " + b.Branch
	}
	return b.Source.Name + " " + b.Branch
}

// Image is an image of the pipelines.
type Image struct {
	Name          string            `json:"name"` // "rocky-9-GenericCloud-Base"
	Architectures []string          `json:"architectures"`
	Kickstart     string            `json:"kickstart"` // path in the repository
	Version       kickstart.Version `json:"-"`
}

// Change is what is new on a branch.
type Change struct {
	Source    string          `json:"source"`
	Branch    string          `json:"branch"`
	From      string          `json:"from,omitempty"` // the commit that was the newest; empty at the first look
	To        string          `json:"to"`             // the commit that is
	Via       string          `json:"via"`            // who said so
	First     bool            `json:"first,omitempty"`
	Rewritten bool            `json:"rewritten,omitempty"` // From is no part of To's history
	Commits   []source.Commit `json:"commits"`             // newest first
	Files     []string        `json:"files"`               // that differ
	Images    []Touched       `json:"images"`              // that are made of one of Files
	Error     string          `json:"error,omitempty"`     // why nothing is known; the other fields but Source and Branch are empty then
}

// Touched is an image whose kickstart, or a file that it includes, has changed.
type Touched struct {
	Image
	Files   []string `json:"files"`
	Changed bool     `json:"changed"` // with all includes resolved its text is another, or it can't be read
}

// Watcher looks for what is new.
type Watcher struct {
	CacheDir string        // of the mirrors, see source.Options
	GitHub   *forge.Client // nil asks git alone
	Only     bool          // an error of GitHub's is one; otherwise git is asked then
	Since    time.Time     // compare with the newest commit that is not after it instead of the one seen last
	Report   progress.Func

	find func(address string) (forge.Repository, bool) // tests have theirs elsewhere than on github.com
}

// Look compares a branch with the commit that was seen last; an empty last is the first look, at which nothing counts as new.
func (w Watcher) Look(ctx context.Context, b Branch, last string) (Change, error) {
	repo, address, ok := w.onGitHub(b)
	if !ok && w.Only {
		return b.begin(last, ""), fmt.Errorf("%s has no repository on github.com: leave --via out", b.Key())
	}
	if ok && w.GitHub != nil {
		c, err := w.ask(ctx, b, repo, address, last)
		if err == nil || w.Only || ctx.Err() != nil {
			return c, err
		}
		w.Report.Warn(fmt.Sprintf("%v; asking git", err))
	}
	return w.git(ctx, b, last)
}

// onGitHub finds the URL of a branch's repository that is on github.com.
func (w Watcher) onGitHub(b Branch) (forge.Repository, string, bool) {
	find := forge.RepositoryAt
	if w.find != nil {
		find = w.find
	}
	urls := b.Source.URLs
	if b.Override != "" {
		urls = []string{b.Override}
	}
	for _, address := range urls {
		if repo, ok := find(address); ok {
			return repo, address, true
		}
	}
	return forge.Repository{}, "", false
}

// begin is a change of which nothing is known yet.
func (b Branch) begin(last, via string) Change {
	c := Change{Source: b.Source.Name, Branch: b.Branch, From: last, To: last, Via: via, Commits: []source.Commit{}, Files: []string{}, Images: []Touched{}}
	if b.Override != "" {
		c.Source = redact.URL(b.Override)
	}
	return c
}

func (w Watcher) options(b Branch) source.Options {
	return source.Options{CacheDir: w.CacheDir, Source: b.Source, Branch: b.Branch, Override: b.Override, Report: w.Report}
}

// ask asks GitHub what is new, and reads the kickstarts from a mirror that is brought up to date.
func (w Watcher) ask(ctx context.Context, b Branch, repo forge.Repository, address, last string) (Change, error) {
	c := b.begin(last, address)
	if !w.Since.IsZero() {
		c.From = ""
		if base, ok, err := w.GitHub.Before(ctx, repo, b.Branch, w.Since); err != nil {
			return c, err
		} else if ok {
			c.From = base.ID
		}
	}
	tip, err := w.GitHub.Head(ctx, repo, b.Branch, c.From)
	if err != nil {
		return c, err
	}
	c.To = tip
	if c.From == "" || c.From == tip {
		c.First = c.From == ""
		return c, nil
	}
	compared, err := w.GitHub.Compare(ctx, repo, c.From, tip)
	if err != nil && !forge.NotFound(err) {
		return c, err
	}
	if compared.Behind { // this mirror lags behind the one that was asked before
		c.To = c.From
		return c, nil
	}
	o := w.options(b)
	o.Commit, o.Source.URLs = tip, append([]string{address}, slices.DeleteFunc(slices.Clone(b.Source.URLs), func(u string) bool { return u == address })...)
	checkout, err := source.Open(ctx, o)
	if err != nil {
		return c, err
	}
	if !compared.Ahead || !compared.Complete { // GitHub says less of those
		return c.compare(ctx, b, checkout)
	}
	for _, one := range compared.Commits {
		c.Commits = append(c.Commits, source.Commit(one))
	}
	c.Files = compared.Files
	return c.touch(b, checkout)
}

// git asks for the references, and fetches what is new.
func (w Watcher) git(ctx context.Context, b Branch, last string) (Change, error) {
	o := w.options(b)
	c := b.begin(last, "git")
	if w.Since.IsZero() {
		tip, err := source.Head(ctx, o)
		if err != nil {
			return c, err
		}
		if tip == "" {
			return c, errNoRepository(b)
		}
		if c.First = last == ""; c.First || tip == last {
			c.To = tip
			return c, nil
		}
	}
	checkout, err := source.Open(ctx, o)
	if err != nil {
		return c, err
	}
	if checkout.Commit == "" {
		return c, errNoRepository(b)
	}
	c.Via, c.To = checkout.From, checkout.Commit
	if !w.Since.IsZero() {
		base, ok, err := checkout.Before(ctx, w.Since)
		if err != nil {
			return c, err
		}
		if c.From = base.ID; !ok {
			c.First = true
			return c, nil
		}
	}
	return c.compare(ctx, b, checkout)
}

func errNoRepository(b Branch) error {
	return fmt.Errorf("%s is no git repository: there are no commits to watch", b.Key())
}

// compare fills in what the mirror knows of the two commits.
func (c Change) compare(ctx context.Context, b Branch, checkout source.Checkout) (Change, error) {
	h, err := checkout.Since(ctx, c.From)
	if errors.Is(err, source.ErrUnknownCommit) {
		// Nobody can say what has changed: everything may have.
		c.Rewritten = true
		for _, image := range b.Images {
			c.Images = append(c.Images, Touched{Image: image, Files: []string{}, Changed: true})
		}
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if len(h.Commits) == 0 { // another URL answered last time, and this one lags behind
		c.To = c.From
		return c, nil
	}
	c.Commits, c.Files, c.Rewritten = h.Commits, h.Files, h.Rewritten
	return c.touch(b, checkout)
}

// touch finds the images that are made of one of the files.
func (c Change) touch(b Branch, checkout source.Checkout) (Change, error) {
	older, err := checkout.At(c.From)
	if err != nil {
		return c, err
	}
	changed := map[string]bool{}
	for _, f := range c.Files {
		changed[f] = true
	}
	for _, image := range b.Images {
		before, now := read(older.FS, image), read(checkout.FS, image)
		var files []string
		for _, f := range slices.Concat(before.files, now.files) {
			if changed[f] && !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
		if len(files) > 0 {
			slices.Sort(files)
			c.Images = append(c.Images, Touched{Image: image, Files: files, Changed: !before.ok || !now.ok || before.text != now.text})
		}
	}
	return c, nil
}
