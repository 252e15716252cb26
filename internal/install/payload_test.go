package install

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/resolve"
)

func TestPayload(t *testing.T) {
	lock, inputs := fixture(t, host(t))
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(comps)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lock.Repositories[0].Comps.Path = "repodata/abc-comps.xml.gz"
	inputs.Comps["main"] = put(t, t.TempDir(), packed.Bytes())
	first, err := Payload(t.Context(), lock, inputs, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Payload(t.Context(), lock, inputs, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if first.Squash.Digest != second.Squash.Digest {
		t.Error("the same packages made two different payloads")
	}
	for _, f := range first.Files() {
		if _, err := os.Stat(f.Path); err != nil {
			t.Error(err)
		}
	}
	extra := lock.Available[0]
	a, err := os.Stat(filepath.Join(first.Dir, "main", "Packages", fileName(extra)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.Stat(inputs.RPMs[extra.Key()].Path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(a, b) {
		t.Error("the package was copied, not linked")
	}
	list := output(t, exec.Command("unsquashfs", "-l", first.Squash.Path))
	for _, name := range []string{"main/repodata/repomd.xml", "more/Packages/library-1.0-1.noarch.rpm"} {
		if !strings.Contains(list, name) {
			t.Errorf("%s is not in the squashfs", name)
		}
	}
	groups, err := filepath.Glob(filepath.Join(first.Dir, "main", "repodata", "*comps*"))
	if err != nil || len(groups) == 0 {
		t.Errorf("the groups are not in the metadata: %v", err)
	}
}

func TestPayloadRefuses(t *testing.T) {
	lock, inputs := fixture(t, host(t))
	for name, spoil := range map[string]func(*resolve.Lock){
		"not fetched":           func(l *resolve.Lock) { l.Packages = append(l.Packages, resolve.Package{Repo: "main"}) },
		"can't be a repository": func(l *resolve.Lock) { l.Repositories = []resolve.Repository{{ID: "../main"}} },
	} {
		bad := lock
		spoil(&bad)
		if _, err := Payload(t.Context(), bad, inputs, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestFileNameStaysInItsFolder(t *testing.T) {
	p := resolve.Package{}
	p.Name, p.Version, p.Release, p.Arch = "../../x", "1", "1", "noarch"
	if got := fileName(p); strings.Contains(got, "/") {
		t.Errorf("got %s", got)
	}
}
