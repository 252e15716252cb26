package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/google/rpmpack"

	"github.com/quarry-project/quarry/internal/matrix"
)

// One package of a repository that both images may use changes: the image that has it is built again, and no other.
func TestOneChangedPackage(t *testing.T) {
	n := newNightly(t)
	dir := t.TempDir()
	entity, err := openpgp.NewEntity("Nobody", "", "nobody@example.invalid", nil)
	if err != nil {
		t.Fatal(err)
	}
	var public bytes.Buffer
	out, err := armor.Encode(&public, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := entity.Serialize(out); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "extra.asc")
	n.write(key, public.String())
	extra := func(version string) {
		t.Helper()
		rpm, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "extra", Version: version, Release: "1", Arch: "noarch", Licence: "MIT", Summary: "a package"})
		if err != nil {
			t.Fatal(err)
		}
		rpm.AddFile(rpmpack.RPMFile{Name: "/usr/share/extra", Body: []byte(version), Mode: 0o100644, Owner: "root", Group: "root"})
		rpm.SetPGPSigner(func(text []byte) ([]byte, error) {
			var signature bytes.Buffer
			err := openpgp.DetachSign(&signature, entity, bytes.NewReader(text), nil)
			return signature.Bytes(), err
		})
		var data bytes.Buffer
		if err := rpm.Write(&data); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "extra-"+version+"-1.noarch.rpm"), data.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "createrepo_c", "--quiet", dir).CombinedOutput(); err != nil {
			t.Fatalf("createrepo_c: %v: %s", err, out)
		}
	}
	extra("1")
	release := filepath.Join(n.pipelines, "pebble/9/release.yaml")
	text, err := os.ReadFile(release)
	if err != nil {
		t.Fatal(err)
	}
	n.write(release, strings.Replace(string(text), "\nkeys:\n", "\n  - id: extra\n    baseurl: file://"+dir+"\nkeys:\n  - url: file://"+key+"\n    trust: mirror\n", 1))
	n.write(filepath.Join(n.repo, "One.ks"), strings.Replace(n.text("One.ks"), "\n@core\n", "\n@core\nextra\n", 1))
	n.commit("One has a package more")
	n.run("first", false, matrix.Built, matrix.Built)
	n.run("again", false, matrix.Unchanged, matrix.Unchanged)
	extra("2")
	n.plan("pebble-9-One-Base", "updated", "extra")
	n.run("a new version", false, matrix.Built, matrix.Unchanged)
	n.run("after it", false, matrix.Unchanged, matrix.Unchanged)
}
