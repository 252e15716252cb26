package resolve

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/store"
)

func TestRepositoryThatCannotBeTrusted(t *testing.T) {
	stranger := strangerKey()
	for name, c := range map[string]struct {
		spoil func(*distribution)
		says  string
	}{
		"not signed":           {func(d *distribution) { os.Remove(d.path("appstream/repodata/repomd.xml.asc")) }, "repomd.xml.asc"},
		"signed by a stranger": {func(d *distribution) { d.signRepository("appstream", stranger) }, "GPG"},
		"index changed":        {func(d *distribution) { appendTo(d, "appstream/repodata/repomd.xml", "<!-- x -->") }, "GPG"},
		"packages list changed": {func(d *distribution) {
			lists, _ := filepath.Glob(d.path("appstream/repodata/*primary.xml.gz"))
			appendTo(d, "appstream/repodata/"+filepath.Base(lists[0]), "x")
		}, "checksum"},
		"not there": {func(d *distribution) { os.RemoveAll(d.path("appstream/repodata")) }, "repomd.xml"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDistribution(t, "x86_64")
			d.repository("baseos", "", rpmSpec{name: "bash"})
			d.repository("appstream", "", rpmSpec{name: "nano"})
			c.spoil(d)
			_, err := Resolve(t.Context(), d.plan([]string{"baseos", "appstream"}, "bash"), d.options())
			var failed *RepositoryError
			if !errors.As(err, &failed) || failed.ID != "appstream" || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.says)) {
				t.Errorf("want a RepositoryError about appstream that says %q, got %v", c.says, err)
			}
		})
	}
}

func appendTo(d *distribution, name, text string) {
	d.t.Helper()
	data, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(name, append(data, text...))
}

func TestPackagesThatCannotBeTrusted(t *testing.T) {
	stranger := strangerKey()
	d := newDistribution(t, "x86_64")
	d.repository("baseos", "", rpmSpec{name: "good"}, rpmSpec{name: "naked", signer: unsigned}, rpmSpec{name: "foreign", signer: stranger})
	for name, says := range map[string]string{"naked": "not signed", "foreign": "signed by another key"} {
		t.Run(name, func(t *testing.T) {
			o := d.options()
			l, err := Resolve(t.Context(), d.plan([]string{"baseos"}, "good", name), o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = l.Fetch(t.Context(), o.Store, nil)
			var unsafe *SignatureError
			if !errors.As(err, &unsafe) {
				t.Fatalf("want a SignatureError, got %v", err)
			}
			if len(unsafe.Packages) != 1 || !strings.Contains(unsafe.Packages[0], name+"-0:1") || !strings.Contains(unsafe.Packages[0], says) || !strings.Contains(err.Error(), fingerprintOf(d.key)) {
				t.Errorf("the error has to name %s, that it is %s, and the key: %v", name, says, err)
			}
		})
	}
}

func TestLockedFilesThatChanged(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", "", rpmSpec{name: "bash"})
	o := d.options()
	l, err := Resolve(t.Context(), d.plan([]string{"baseos"}, "bash"), o)
	if err != nil {
		t.Fatal(err)
	}
	d.rpm("baseos", rpmSpec{name: "bash", requires: []string{"something-else"}}) // well signed, but not what was locked
	_, err = l.Fetch(t.Context(), o.Store, nil)
	if !errors.As(err, new(*store.DigestError)) && !errors.As(err, new(*store.SizeError)) || !strings.Contains(err.Error(), "bash-1-1.el9.x86_64") && !strings.Contains(err.Error(), "bash-1-1.el9.noarch") {
		t.Errorf("want a DigestError that names bash, got %v", err)
	}
}

func TestKeys(t *testing.T) {
	release, other := releaseKey(), strangerKey()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := write("one", publicKey(t, release))
	both := write("both", slices.Concat([]byte("# two keys\n"), publicKey(t, other), publicKey(t, release)))
	pair := write("pair", armorPair(t, other, release))
	var raw bytes.Buffer
	if err := release.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	binary := write("binary", raw.Bytes())
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		key  plan.Key
		want int // keys that are trusted
		says string
	}{
		{"pinned", plan.Key{URL: "file://" + one, Fingerprint: fingerprintOf(release)}, 1, ""},
		{"pinned, among others", plan.Key{URL: "file://" + both, Fingerprint: fingerprintOf(release)}, 1, ""},
		{"pinned, in one block with others", plan.Key{URL: "file://" + pair, Fingerprint: fingerprintOf(release)}, 1, ""},
		{"pinned, binary", plan.Key{URL: "file://" + binary, Fingerprint: fingerprintOf(release)}, 1, ""},
		{"another one", plan.Key{URL: "file://" + one, Fingerprint: fingerprintOf(other)}, 0, fingerprintOf(release)},
		{"given by the user", plan.Key{File: both}, 2, ""},
		{"no key", plan.Key{File: write("text", []byte("hello"))}, 0, "no OpenPGP public key"},
		{"cut off", plan.Key{File: write("cut", publicKey(t, release)[:300])}, 0, "ends within"},
		{"not there", plan.Key{URL: "file://" + dir + "/none"}, 0, "none"},
	} {
		got, err := keys(t.Context(), plan.Plan{Keys: []plan.Key{c.key}}, s, nil)
		if len(got) != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d keys, %v", c.name, len(got), err)
		}
		for _, k := range got {
			if again, err := parseKeys([]byte(k.Armored)); err != nil || len(again) != 1 || again[0].Fingerprint != k.Fingerprint {
				t.Errorf("%s: the key written anew is another: %v", c.name, err)
			}
		}
	}
}

func TestTreeWithoutChecksums(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.write("tree/.treeinfo", []byte("[general]\nversion = 8\n[images-x86_64]\nkernel = images/vmlinuz\ninitrd = images/initrd.img\n[stage2]\nmainimage = images/install.img\n"))
	o := d.options()
	warnings := 0
	o.Report = func(e progress.Event) {
		if e.Kind == progress.Warning {
			warnings++
		}
	}
	got, err := tree(t.Context(), d.url("tree"), "x86_64", o.Store, o.Report)
	if err != nil || warnings != 3 || got.Kernel.Digest == "" || got.Version != "8" {
		t.Errorf("%+v, %d warnings: %v", got, warnings, err)
	}
	d.write("tree/images/vmlinuz", []byte("changed"))
	d.write("tree/.treeinfo", []byte("[general]\nversion = 8\n[images-x86_64]\nkernel = images/vmlinuz\ninitrd = images/initrd.img\n[stage2]\nmainimage = images/install.img\n[checksums]\nimages/vmlinuz = "+string(got.Kernel.Digest)+"\n"))
	o = d.options()
	if _, err := tree(t.Context(), d.url("tree"), "x86_64", o.Store, nil); !errors.As(err, new(*store.DigestError)) {
		t.Errorf("want a DigestError, got %v", err)
	}
	for _, bad := range []string{"", "[images-x86_64]\nkernel = ../../etc/passwd\ninitrd = b\n[stage2]\nmainimage = c\n", "[tree]\narch = s390x\n[images-x86_64]\nkernel=a\ninitrd=b\n[stage2]\nmainimage=c\n"} {
		if _, err := parseTreeinfo([]byte(bad), "x86_64"); err == nil {
			t.Errorf("accepted: %q", bad)
		}
	}
}
