package resolve

import (
	"os"
	"path/filepath"
	"testing"
)

func FuzzTreeinfo(f *testing.F) {
	f.Add([]byte("[general]\nversion = 9.6\n[tree]\narch = x86_64\n[images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = i\n[stage2]\nmainimage = images/install.img\n[checksums]\nimages/install.img = sha256:00\n"))
	f.Add([]byte("[checksums]\na = sha1:1\n[images-x86_64]\nkernel = /etc/passwd\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := parseTreeinfo(data, "x86_64")
		if err != nil {
			return
		}
		for _, path := range []string{info.kernel, info.initrd, info.stage2} {
			if !filepath.IsLocal(path) {
				t.Errorf("%q leaves the tree", path)
			}
		}
	})
}

func FuzzRepomd(f *testing.F) {
	f.Add([]byte(`<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision><data type="group"><checksum type="sha256">00</checksum><location href="repodata/comps.xml"/><size>3</size></data></repomd>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRepomd(data)
		if err == nil && r.Comps != nil && !filepath.IsLocal(r.Comps.Path) {
			t.Errorf("%q leaves the repository", r.Comps.Path)
		}
	})
}

func FuzzLock(f *testing.F) {
	seed, err := os.ReadFile("testdata/lock.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := decodeLock(data)
		if err != nil {
			return
		}
		for _, p := range l.Packages {
			if !filepath.IsLocal(p.Location) || !filepath.IsLocal(p.Key()) || !filepath.IsLocal(p.Repo) {
				t.Errorf("%+v can leave a folder", p)
			}
		}
		encoded, err := l.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeLock(encoded); err != nil {
			t.Errorf("what was accepted is refused when written anew: %v", err)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"packages":[{"name":"bash","epoch":"0","checksum":"sha256:00"}],"missing":["x"]}`))
	f.Add([]byte(`{"failedRepositories":[{"repo":"a","message":"b"}]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		a, err := decodeAnswer(data)
		if err != nil {
			return
		}
		// Whatever it says, taking it over ends in a lock or an error.
		p := testPlan()
		if refusal(p, a) == nil {
			a.Repositories = nil // these name files to read
			_ = fill(&Lock{}, p, a)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n"))
	f.Add([]byte("\x99\x01"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseKeys(data) })
}
