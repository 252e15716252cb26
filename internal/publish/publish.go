package publish

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/verify"
)

// Item is one image to publish.
type Item struct {
	Image   artifact.Image `json:"image"`
	Subject Subject        `json:"subject"`
	Alias   string         `json:"alias,omitempty"`  // see Subject.Links
	Report  *verify.Report `json:"report,omitempty"` // what booting it showed; nil when it was not booted
}

// Options say under which date and how far to publish.
type Options struct {
	Date   string        `json:"date"`   // YYYYMMDD in UTC; empty for installers of the release day
	Latest bool          `json:"latest"` // move the links of images whose report passed
	Report progress.Func `json:"-"`
}

// Result is what the tree holds afterwards.
type Result struct {
	Dir     string      `json:"dir"`     // absolute
	Changed bool        `json:"changed"` // false when the tree already held all of it
	Items   []Published `json:"items"`   // in the order of the call
}

// Published is one item in the tree.
type Published struct {
	File     string   `json:"file"`               // name in Dir
	New      bool     `json:"new"`                // false when the same content had been published under this date before
	Links    []string `json:"links,omitempty"`    // names that now mean File
	Withheld string   `json:"withheld,omitempty"` // why no link was moved; empty when they were
}

// Path returns where the published file is.
func (r Result) Path(p Published) string { return filepath.Join(r.Dir, p.File) }

// withheld says why an item's links may not move; an empty text means that they may. A report about other content is an error: somebody
// has mixed up files.
func withheld(item Item, latest bool) (string, error) {
	r := item.Report
	if r != nil && r.Image.Digest != item.Image.Digest {
		return "", fmt.Errorf("publishing %s: the boot report is about another file (%s, %s): verify this one", item.Image.Path, r.Image.File, r.Image.Digest.Short())
	}
	switch {
	case !latest:
		return "not asked for", nil
	case r == nil:
		return "the image was not verified", nil
	case !r.Passed:
		return "verification failed", nil
	case r.Unproven != "":
		return "nothing showed " + r.Unproven, nil
	}
	return "", nil
}

// check refuses items that can't be published, before the tree is touched.
func check(items []Item) error {
	names := map[string]string{}
	for _, item := range items {
		if item.Image.Digest == "" {
			return fmt.Errorf("publishing %s: the image has no digest", item.Image.Path)
		}
		links, err := item.Subject.Links(item.Alias)
		if err != nil {
			return fmt.Errorf("publishing %s: %w", item.Image.Path, err)
		}
		for _, link := range links {
			if other, ok := names[link]; ok {
				return fmt.Errorf("publishing %s and %s: both would be %s", other, item.Image.Path, link)
			}
			names[link] = item.Image.Path
		}
	}
	return nil
}

// Publisher puts images where people find them. Either all items and links of a call are published or none.
type Publisher interface {
	Publish(ctx context.Context, items []Item, o Options) (Result, error)
}
