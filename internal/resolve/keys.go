package resolve

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/redact"
	"github.com/quarry-project/quarry/internal/store"
)

// maxKey is the most that a key file may have, in bytes.
const maxKey = 1 << 20

// KeyError is a key that is not the one that the release pins.
type KeyError struct {
	From string // URL or file
	Want string // fingerprint
	Got  []string
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("the key at %s has the fingerprint %s and not the pinned %s: don't trust that mirror, or correct the release's pipeline if the distribution has changed its key",
		redact.URL(e.From), strings.Join(e.Got, ", "), e.Want)
}

// keys reads the plan's keys and checks them against their fingerprints.
func keys(ctx context.Context, p plan.Plan, s *store.Store, report progress.Func) ([]Key, error) {
	var all []Key
	for _, k := range p.Keys {
		from := k.File
		var data []byte
		var err error
		if k.File != "" {
			data, err = readLimited(k.File, maxKey)
		} else {
			from = k.URL
			if data, err = fetchSmall(ctx, s, k.URL, "the signing key", maxKey); err != nil {
				err = fmt.Errorf("%w; a mirror that has no key needs --key FILE", err)
			}
		}
		if err != nil {
			return nil, err
		}
		parsed, err := parseKeys(data)
		if err != nil {
			return nil, fmt.Errorf("the key at %s: %w", redact.URL(from), err)
		}
		if k.Fingerprint == "" {
			if u, err := url.Parse(k.URL); k.File == "" && (err != nil || u.Scheme != "file") {
				report.Warn(fmt.Sprintf("the key at %s is not pinned: whoever controls the mirror can sign packages", redact.URL(from)))
			}
			all = append(all, parsed...)
			continue
		}
		var got []string
		found := false
		for _, key := range parsed {
			got = append(got, key.Fingerprint)
			if key.Fingerprint == k.Fingerprint {
				all, found = append(all, key), true
			}
		}
		if !found {
			return nil, &KeyError{From: from, Want: k.Fingerprint, Got: got}
		}
	}
	return all, nil
}

// parseKeys reads a key file as distributions publish them: one or more armoured blocks, or binary packets. Every key is
// armoured anew alone, so that nothing else in the file is trusted with it.
func parseKeys(data []byte) ([]Key, error) {
	var entities openpgp.EntityList
	rest := data
	if !bytes.Contains(data, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")) {
		list, err := openpgp.ReadKeyRing(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("it is no OpenPGP public key: %w", err)
		}
		entities = list
		rest = nil
	}
	for len(rest) > 0 {
		start := bytes.Index(rest, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----"))
		if start < 0 {
			break
		}
		const end = "-----END PGP PUBLIC KEY BLOCK-----"
		stop := bytes.Index(rest[start:], []byte(end))
		if stop < 0 {
			return nil, errors.New("it ends within a key")
		}
		block := rest[start : start+stop+len(end)]
		rest = rest[start+stop+len(end):]
		list, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(append(bytes.Clone(block), '\n')))
		if err != nil {
			return nil, fmt.Errorf("it is no OpenPGP public key: %w", err)
		}
		entities = append(entities, list...)
	}
	var all []Key
	for _, e := range entities {
		armored, err := armored(e)
		if err != nil {
			return nil, err
		}
		all = append(all, Key{Fingerprint: strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint)), Armored: armored})
	}
	if len(all) == 0 {
		return nil, errors.New("it holds no key")
	}
	return all, nil
}

func armored(e *openpgp.Entity) (string, error) {
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = errors.Join(e.Serialize(w), w.Close())
	}
	if err != nil {
		return "", fmt.Errorf("writing a key: %w", err)
	}
	return b.String() + "\n", nil
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", path, limit)
	}
	return data, err
}

// fetchSmall fetches a small file of unknown digest and reads it.
func fetchSmall(ctx context.Context, s *store.Store, address, name string, limit int64) ([]byte, error) {
	files, err := s.Fetch(ctx, []store.Request{{URLs: []string{address}, Name: name + " " + redact.URL(address)}}, 1, nil)
	if err != nil {
		return nil, err
	}
	return readLimited(files[0].Path, limit)
}
