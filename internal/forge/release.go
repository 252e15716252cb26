package forge

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/google/go-github/v60/github"

	"github.com/quarry-project/quarry/internal/digest"
)

// File is one to attach to a release.
type File struct {
	Path   string
	Name   string // in the release; empty is the path's last part
	Size   int64  // bytes
	Digest digest.Digest
}

// Attached is what became of one file.
type Attached struct {
	Name string `json:"name"`
	New  bool   `json:"new"` // false when the release had just that content under that name
	URL  string `json:"url"` // to download it from
}

const (
	maxAsset = 2<<30 - 1        // bytes that GitHub takes
	nextName = ".quarry-upload" // after the name of a file that replaces another, until it is complete
)

// asset is a file of a release. go-github v60 does not know the digest yet.
type asset struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	State  string `json:"state"` // "uploaded", or "starter" when an upload was cut off
	Size   int64  `json:"size"`
	Digest string `json:"digest"` // "sha256:HEX"; enterprise servers may not have it
	URL    string `json:"browser_download_url"`
}

// is reports whether the asset is known to be the file. Without a digest it is not known.
func (a asset) is(f File) bool {
	return a.State == "uploaded" && a.Size == f.Size && a.Digest == string(f.Digest)
}

// Attach puts files into the release of a tag, which has to exist. A file that is there with this content stays; another of its name is replaced
// once the new one is complete. Attach can be called again after it was cut off: what is complete is not sent again. The token
// needs the permission to write the repository's contents.
func (c *Client) Attach(ctx context.Context, r Repository, tag string, files []File) ([]Attached, error) {
	for i := range files {
		f := &files[i]
		if f.Name == "" {
			f.Name = filepath.Base(f.Path)
		}
		if f.Size > maxAsset {
			return nil, fmt.Errorf("attaching %s: it has %d bytes, and GitHub takes files of less than 2 GiB", f.Name, f.Size)
		}
	}
	var release *github.RepositoryRelease
	err := c.do(ctx, fmt.Sprintf("looking for the release %s of %s", tag, r), func() (resp *github.Response, err error) {
		release, resp, err = c.api.Repositories.GetReleaseByTag(ctx, r.Owner, r.Name, tag)
		return resp, err
	})
	if NotFound(err) {
		err = fmt.Errorf("%w (there has to be a release for the tag: gh release create %s)", err, tag)
	}
	if err != nil {
		return nil, err
	}
	u := &uploads{Client: c, repo: r, release: release.GetID()}
	var done []Attached
	for _, f := range files {
		a, err := u.attach(ctx, f)
		if err != nil {
			return done, fmt.Errorf("attaching %s to the release %s of %s: %w", f.Name, tag, r, err)
		}
		done = append(done, a)
	}
	return done, nil
}

// uploads works on one release.
type uploads struct {
	*Client
	repo    Repository
	release int64
}

// attach brings the release to hold f, from whatever state an earlier attempt has left.
func (u *uploads) attach(ctx context.Context, f File) (Attached, error) {
	have, err := u.list(ctx)
	if err != nil {
		return Attached{}, err
	}
	old, taken := have[f.Name]
	next, waiting := have[f.Name+nextName]
	if taken && old.is(f) {
		if waiting {
			err = u.remove(ctx, next)
		}
		return Attached{Name: f.Name, URL: old.URL}, err
	}
	if waiting && !next.is(f) {
		if err := u.remove(ctx, next); err != nil {
			return Attached{}, err
		}
		waiting = false
	}
	if taken && old.State != "uploaded" { // half of an upload is nothing that anybody uses
		if err := u.remove(ctx, old); err != nil {
			return Attached{}, err
		}
		taken = false
	}
	if !waiting {
		name := f.Name
		if taken {
			name += nextName
		}
		if next, err = u.send(ctx, f, name); err != nil {
			return Attached{}, err
		}
	}
	if next.Name == f.Name {
		return Attached{Name: f.Name, New: true, URL: next.URL}, nil
	}
	if taken {
		if err := u.remove(ctx, old); err != nil {
			return Attached{}, err
		}
	}
	return u.rename(ctx, next, f.Name)
}

// list returns the release's files by name.
func (u *uploads) list(ctx context.Context) (map[string]asset, error) {
	all := map[string]asset{}
	for page := 1; page > 0; {
		var some []asset
		var next int
		err := u.do(ctx, "listing the release's files", func() (*github.Response, error) {
			req, err := u.api.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/releases/%d/assets?per_page=100&page=%d", u.repo, u.release, page), nil)
			if err != nil {
				return nil, err
			}
			some = nil
			resp, err := u.api.Do(ctx, req, &some)
			if err == nil {
				next = resp.NextPage
			}
			return resp, err
		})
		if err != nil {
			return nil, err
		}
		for _, a := range some {
			all[a.Name] = a
		}
		page = next
	}
	return all, nil
}

// send uploads a file, and looks what came of an attempt that failed before it makes the next.
func (u *uploads) send(ctx context.Context, f File, name string) (asset, error) {
	var sent asset
	err := u.do(ctx, "uploading it", func() (*github.Response, error) {
		have, err := u.list(ctx)
		if err != nil {
			return nil, err
		}
		if left, ok := have[name]; ok {
			if sent = left; left.is(f) {
				return nil, nil
			}
			if err := u.remove(ctx, left); err != nil {
				return nil, err
			}
		}
		file, err := os.Open(f.Path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		kind := mime.TypeByExtension(filepath.Ext(name))
		at := fmt.Sprintf("repos/%s/releases/%d/assets?name=%s", u.repo, u.release, url.QueryEscape(name))
		req, err := u.api.NewUploadRequest(at, file, f.Size, kind)
		if err != nil {
			return nil, err
		}
		return u.api.Do(ctx, req, &sent)
	})
	if err != nil {
		return sent, err
	}
	if sent.Digest != "" && !sent.is(f) || sent.Size != f.Size {
		return sent, fmt.Errorf("GitHub holds %d bytes and %s of it, not %d and %s: has the file changed?", sent.Size, sent.Digest, f.Size, f.Digest)
	}
	return sent, nil
}

func (u *uploads) remove(ctx context.Context, a asset) error {
	err := u.do(ctx, "removing the old "+a.Name, func() (*github.Response, error) {
		return u.api.Repositories.DeleteReleaseAsset(ctx, u.repo.Owner, u.repo.Name, a.ID)
	})
	if NotFound(err) {
		return nil
	}
	return err
}

func (u *uploads) rename(ctx context.Context, a asset, name string) (Attached, error) {
	done := Attached{Name: name, New: true}
	err := u.do(ctx, "giving it its name", func() (*github.Response, error) {
		got, resp, err := u.api.Repositories.EditReleaseAsset(ctx, u.repo.Owner, u.repo.Name, a.ID, &github.ReleaseAsset{Name: &name})
		done.URL = got.GetBrowserDownloadURL()
		return resp, err
	})
	return done, err
}
