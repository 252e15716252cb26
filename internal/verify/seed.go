package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kdomanski/iso9660"
	"golang.org/x/crypto/ssh"
)

// seedLabel is the volume name by which cloud-init finds a NoCloud seed.
const seedLabel = "CIDATA"

// identity is what host and guest know of each other before the first login: the guest's host key, so that nobody else can
// answer in its place, and the key that may log in. Both are made for one boot.
type identity struct {
	user       string
	login      ssh.Signer
	host       ssh.Signer
	hostSecret string // PEM
}

func newIdentity(user string) (identity, error) {
	id := identity{user: user}
	var err error
	if id.login, _, err = newKey(); err != nil {
		return id, err
	}
	id.host, id.hostSecret, err = newKey()
	return id, err
}

// newKey makes an Ed25519 key, and its secret part as PEM.
func newKey() (ssh.Signer, string, error) {
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("making an SSH key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(secret, "quarry verify")
	if err != nil {
		return nil, "", fmt.Errorf("making an SSH key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		return nil, "", fmt.Errorf("making an SSH key: %w", err)
	}
	return signer, string(pem.EncodeToMemory(block)), nil
}

func public(s ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

// files are the seed's: cloud-init's NoCloud data source reads user-data and meta-data, YAML, of which JSON is a part.
func (id identity) files() (map[string][]byte, error) {
	instance := make([]byte, 8)
	if _, err := rand.Read(instance); err != nil {
		return nil, err
	}
	meta, err := json.Marshal(map[string]string{"instance-id": "quarry-" + hex.EncodeToString(instance), "local-hostname": "quarry-verify"})
	if err != nil {
		return nil, err
	}
	user, err := json.MarshalIndent(map[string]any{
		"users": []any{"default", map[string]any{
			"name": id.user, "sudo": "ALL=(ALL) NOPASSWD:ALL", "shell": "/bin/bash", "lock_passwd": true,
			"ssh_authorized_keys": []string{public(id.login)},
		}},
		"ssh_keys": map[string]string{"ed25519_private": id.hostSecret, "ed25519_public": public(id.host)},
	}, "", " ")
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"meta-data": meta, "user-data": append([]byte("#cloud-config\n"), user...)}, nil
}

// writeSeed writes the identity as an ISO 9660 image with the label that cloud-init looks for. Only this user can read it.
func writeSeed(path string, id identity) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the seed %s: %w", path, err)
		}
	}()
	files, err := id.files()
	if err != nil {
		return err
	}
	w, err := iso9660.NewWriter()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Cleanup()) }()
	for name, content := range files {
		if err := w.AddFile(bytes.NewReader(content), name); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(w.WriteTo(f, seedLabel), f.Close())
}
