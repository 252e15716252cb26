package resolve

import (
	"context"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/store"
)

// maxMirrors is the most that a mirror list or metalink may have, in bytes.
const maxMirrors = 4 << 20

// State digests what the addresses of a plan hold at the moment: the repositories' indexes, the installer tree's, the keys. While it and the
// plan's Question stay the same, so does the Lock. Other addresses that hold the same are the same state. It costs a few small downloads
// and no solving.
func State(ctx context.Context, p plan.Plan, s *store.Store) (digest.Digest, error) {
	held := map[string]digest.Digest{}
	look := func(name, address, what string, limit int64) error {
		data, err := fetchSmall(ctx, s, address, what, limit)
		if err == nil {
			held[name] = digest.Bytes(data)
		}
		return err
	}
	if err := look("/tree", strings.TrimRight(p.Tree, "/")+"/.treeinfo", "the installer tree's", maxTreeinfo); err != nil {
		return "", err
	}
	for _, r := range p.Repositories {
		if r.MirrorList != "" {
			// A mirror list says nothing of the content behind it: such a plan is solved each time.
			held[r.ID] = digest.Bytes([]byte(time.Now().String()))
			continue
		}
		// A metalink has the index's checksum in it.
		address, limit := r.URL(), int64(maxMirrors)
		if r.BaseURL != "" {
			address, limit = strings.TrimRight(r.BaseURL, "/")+"/repodata/repomd.xml", maxRepomd
		}
		if err := look(r.ID, address, "the repository "+r.ID+"'s", limit); err != nil {
			return "", &RepositoryError{ID: r.ID, URL: r.URL(), Message: err.Error()}
		}
	}
	trusted, err := keys(ctx, p, s, nil)
	if err != nil {
		return "", err
	}
	return digest.JSON(struct {
		Held map[string]digest.Digest
		Keys []Key
	}{held, trusted})
}

// Files lists everything that was fetched.
func (in Inputs) Files() []artifact.File {
	files := []artifact.File{in.Kernel, in.Initrd, in.Stage2}
	for _, set := range []map[string]artifact.File{in.RPMs, in.Comps, in.Modules} {
		for _, f := range set {
			files = append(files, f)
		}
	}
	return files
}
