package publish

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
)

const (
	checksumSuffix = ".CHECKSUM"
	checksumAll    = "CHECKSUM" // all of a folder's, one after the other
	maxChecksum    = 4096       // bytes of one NAME.CHECKSUM; ours are some 200
)

// Checksum is what is said of one published name, in the distribution's own spelling, which sha256sum -c reads:
//
//	# NAME: SIZE bytes
//	SHA256 (NAME) = HEX
type Checksum struct {
	Name   string
	Size   int64 // bytes
	Digest digest.Digest
}

// String returns the two lines.
func (c Checksum) String() string {
	return fmt.Sprintf("# %s: %d bytes\nSHA256 (%s) = %s\n", c.Name, c.Size, c.Name, c.Digest.Hex())
}

// ParseChecksums reads any number of checksums and nothing else. Names with characters that Quarry never writes are refused: what is read here
// becomes a path.
func ParseChecksums(b []byte) ([]Checksum, error) {
	pattern := regexp.MustCompile(`^# ([A-Za-z0-9][A-Za-z0-9._-]*): (0|[1-9][0-9]*) bytes\nSHA256 \(([^()\n]*)\) = ([0-9a-f]{64})\n`)
	var all []Checksum
	for len(b) > 0 {
		m := pattern.FindSubmatch(b)
		if m == nil || !bytes.Equal(m[1], m[3]) {
			line, _, _ := bytes.Cut(b, []byte("\n"))
			return nil, fmt.Errorf("%.80q does not begin a checksum", line)
		}
		size, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the size of %s: %w", m[1], err)
		}
		sum, err := digest.Parse(string(m[4]))
		if err != nil {
			return nil, err
		}
		all = append(all, Checksum{Name: string(m[1]), Size: size, Digest: sum})
		b = b[len(m[0]):]
	}
	return all, nil
}

// checksumOf is the checksum of an image under a name.
func checksumOf(name string, img artifact.Image) Checksum {
	return Checksum{Name: name, Size: img.Size, Digest: img.Digest}
}

// joinChecksums writes many, in the order of their names.
func joinChecksums(all []Checksum) string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Checksum) int { return strings.Compare(a.Name, b.Name) })
	var text strings.Builder
	for _, c := range all {
		text.WriteString(c.String())
	}
	return text.String()
}
