package pebble

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/quarry-project/quarry/internal/durable"
)

// keyName is the public key's file at the release's root, as Rocky has RPM-GPG-KEY-Rocky-9.
const keyName = "RPM-GPG-KEY-Pebble-" + release

// A key signs packages and metadata. It is thrown away with the cache: it protects nothing but the test of verification.
type key struct {
	Fingerprint string // upper-case hexadecimal
	Public      []byte // armored
	entity      *openpgp.Entity
	config      *packet.Config
}

// loadKey reads the key in dir, or makes it. The folder is its owner's alone; the caller holds the cache's lock.
func loadKey(dir string) (*key, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "private.asc")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = newKey(); err == nil {
			err = durable.WriteFile(name, text)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("signing key of Pebble: %w", err)
	}
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(text))
	if err == nil && len(ring) != 1 {
		err = fmt.Errorf("it holds %d keys", len(ring))
	}
	if err != nil {
		return nil, fmt.Errorf("signing key of Pebble: %s can't be read (%w); remove it to have a new one made", name, err)
	}
	k := &key{entity: ring[0], config: keyConfig(), Fingerprint: strings.ToUpper(fmt.Sprintf("%x", ring[0].PrimaryKey.Fingerprint))}
	var public bytes.Buffer
	w, err := armor.Encode(&public, openpgp.PublicKeyType, nil)
	if err != nil {
		return nil, err
	}
	if err := k.entity.Serialize(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	public.WriteByte('\n')
	k.Public = public.Bytes()
	return k, nil
}

func keyConfig() *packet.Config {
	return &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 3072, DefaultHash: crypto.SHA256}
}

func newKey() ([]byte, error) {
	entity, err := openpgp.NewEntity("Pebble "+release, "throw-away key of a test fixture", "pebble@pebble.invalid", keyConfig())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		return nil, err
	}
	if err := entity.SerializePrivate(w, keyConfig()); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// sign makes the binary detached signature that rpm keeps in its headers.
func (k *key) sign(text []byte) ([]byte, error) {
	var out bytes.Buffer
	err := openpgp.DetachSign(&out, k.entity, bytes.NewReader(text), k.config)
	return out.Bytes(), err
}

// signArmored makes the detached signature that stands beside repomd.xml.
func (k *key) signArmored(text []byte) ([]byte, error) {
	var out bytes.Buffer
	err := openpgp.ArmoredDetachSign(&out, k.entity, bytes.NewReader(text), k.config)
	return append(out.Bytes(), '\n'), err
}
