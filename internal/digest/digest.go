// Package digest names content by its SHA-256. It holds the one spelling of a digest that Quarry writes ("sha256:HEX")
// and the few ways to compute one. It never decides what belongs into a digest: the rooms that own the data do.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

const prefix = "sha256:"

// Digest is a SHA-256 as "sha256:" and 64 lower-case hexadecimal digits. The zero value is "no digest".
type Digest string

// Parse reads a digest, with or without the "sha256:" in front, and refuses anything that is not one.
func Parse(s string) (Digest, error) {
	hexa := strings.ToLower(strings.TrimPrefix(s, prefix))
	if raw, err := hex.DecodeString(hexa); err != nil || len(raw) != sha256.Size {
		return "", fmt.Errorf("%q is not a SHA-256 digest: want 64 hexadecimal digits", s)
	}
	return Digest(prefix + hexa), nil
}

// Hex returns the 64 digits without the algorithm.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), prefix) }

// Short returns the first 12 digits: enough to tell builds apart in file names and messages.
func (d Digest) Short() string {
	h := d.Hex()
	return h[:min(12, len(h))]
}

// Bytes digests b.
func Bytes(b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest(prefix + hex.EncodeToString(sum[:]))
}

// Reader digests what r yields and returns the number of bytes with it.
func Reader(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return "", n, err
	}
	return Digest(prefix + hex.EncodeToString(h.Sum(nil))), n, nil
}

// File digests the file at path and returns its size in bytes with it.
func File(path string) (Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	d, n, err := Reader(f)
	if err != nil {
		return "", n, fmt.Errorf("digesting %s: %w", path, err)
	}
	return d, n, nil
}

// JSON digests v's JSON encoding. encoding/json sorts map keys and keeps struct order, so equal values have equal
// digests. It fails only for values that can't be encoded.
func JSON(v any) (Digest, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("digesting a %T: %w", v, err)
	}
	return Bytes(b), nil
}
