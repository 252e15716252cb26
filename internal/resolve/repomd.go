package resolve

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/quarry-project/quarry/internal/digest"
)

// maxRepomd is the most that a repomd.xml may have, in bytes.
const maxRepomd = 4 << 20

// repomd is what Quarry needs of a repository's repodata/repomd.xml.
type repomd struct {
	Revision string `xml:"revision"`
	Data     []struct {
		Type     string `xml:"type,attr"`
		Checksum struct {
			Type string `xml:"type,attr"`
			Hex  string `xml:",chardata"`
		} `xml:"checksum"`
		Location struct {
			Href string `xml:"href,attr"`
		} `xml:"location"`
		Size int64 `xml:"size"`
	} `xml:"data"`
}

// parseRepomd reads the repository's index. Of the groups and modules files the first that is there is taken, uncompressed before compressed.
func parseRepomd(data []byte) (r Repository, err error) {
	var md repomd
	if err := xml.Unmarshal(data, &md); err != nil {
		return r, fmt.Errorf("it is no repomd.xml: %w", err)
	}
	if len(md.Data) == 0 {
		return r, errors.New("it names no metadata")
	}
	r.Repomd, r.Revision = digest.Bytes(data), md.Revision
	if r.Comps, err = md.file("group", "group_gz", "group_xz", "group_zst"); err != nil {
		return r, err
	}
	r.Modules, err = md.file("modules")
	return r, err
}

func (md repomd) file(types ...string) (*File, error) {
	for _, kind := range types {
		for _, d := range md.Data {
			if d.Type != kind {
				continue
			}
			if clean := path.Clean(d.Location.Href); !fs.ValidPath(clean) || clean == "." {
				return nil, fmt.Errorf("its %s file %q leaves the repository", kind, d.Location.Href)
			}
			if d.Checksum.Type != "sha256" {
				return nil, fmt.Errorf("its %s file has a checksum of type %q; Quarry pins by sha256", kind, d.Checksum.Type)
			}
			sum, err := digest.Parse(d.Checksum.Hex)
			if err != nil {
				return nil, fmt.Errorf("its %s file: %w", kind, err)
			}
			return &File{Path: path.Clean(d.Location.Href), Digest: sum, Size: max(0, d.Size)}, nil
		}
	}
	return nil, nil
}
