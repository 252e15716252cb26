package resolve

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/rpmpack"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/store"
)

// rpmSpec is one RPM of a test's distribution.
type rpmSpec struct {
	name       string
	version    string // "1" when empty
	epoch      uint32
	arch       string // "noarch" when empty
	requires   []string
	recommends []string
	conflicts  []string
	signer     *openpgp.Entity // nil: not signed
}

// releaseKey and strangerKey make their key once: an RSA key takes a while.
var (
	releaseKey  = sync.OnceValue(func() *openpgp.Entity { return newKey("Release") })
	strangerKey = sync.OnceValue(func() *openpgp.Entity { return newKey("Stranger") })
)

// hostPython looks for the interpreter once.
var hostPython = sync.OnceValues(func() (string, error) { return Python(context.Background()) })

func newKey(name string) *openpgp.Entity {
	e, err := openpgp.NewEntity(name, "", name+"@example.invalid", &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048})
	if err != nil {
		panic(err) // only without a source of random numbers
	}
	return e
}

func publicKey(t testing.TB, e *openpgp.Entity) []byte {
	t.Helper()
	text, err := armored(e)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

func fingerprintOf(e *openpgp.Entity) string {
	return strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint))
}

// distribution is a tiny one: real RPMs in real repositories, with an installer tree of a few bytes.
type distribution struct {
	t    *testing.T
	dir  string
	key  *openpgp.Entity
	arch string
}

func newDistribution(t *testing.T, arch string) *distribution {
	t.Helper()
	d := &distribution{t: t, dir: t.TempDir(), key: releaseKey(), arch: arch}
	d.write("KEY", publicKey(t, d.key))
	treeinfo := "[general]\nversion = 9.6\n[tree]\narch = " + arch + "\n[images-" + arch + "]\nkernel = images/vmlinuz\ninitrd = images/initrd.img\n[stage2]\nmainimage = images/install.img\n[checksums]\n"
	for _, name := range []string{"images/vmlinuz", "images/initrd.img", "images/install.img"} {
		content := []byte("this is " + name)
		d.write("tree/"+name, content)
		treeinfo += name + " = " + string(digest.Bytes(content)) + "\n"
	}
	d.write("tree/.treeinfo", []byte(treeinfo))
	return d
}

func (d *distribution) path(name string) string { return filepath.Join(d.dir, name) }
func (d *distribution) url(name string) string  { return "file://" + d.path(name) }

func (d *distribution) write(name string, data []byte) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.path(name), data, 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *distribution) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// repository makes a repository of the RPMs, signed by the distribution's key unless they say otherwise.
func (d *distribution) repository(id, comps string, rpms ...rpmSpec) {
	d.t.Helper()
	for _, r := range rpms {
		d.rpm(id, r)
	}
	args := []string{"--quiet", d.path(id)}
	if comps != "" {
		d.write(id+".comps.xml", []byte(comps))
		args = append([]string{"--groupfile", d.path(id + ".comps.xml")}, args...)
	}
	d.run("createrepo_c", args...)
	d.signRepository(id, d.key)
}

func (d *distribution) signRepository(id string, key *openpgp.Entity) {
	d.t.Helper()
	data, err := os.ReadFile(d.path(id + "/repodata/repomd.xml"))
	if err != nil {
		d.t.Fatal(err)
	}
	var sig bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&sig, key, bytes.NewReader(data), nil); err != nil {
		d.t.Fatal(err)
	}
	d.write(id+"/repodata/repomd.xml.asc", sig.Bytes())
}

// unsigned marks an RPM that must not be signed by the distribution's key.
var unsigned = &openpgp.Entity{}

func (d *distribution) rpm(repo string, r rpmSpec) {
	d.t.Helper()
	if r.version == "" {
		r.version = "1"
	}
	if r.arch == "" {
		r.arch = "noarch"
	}
	meta := rpmpack.RPMMetaData{
		Name: r.name, Version: r.version, Release: "1.el9", Epoch: r.epoch, Arch: r.arch, Summary: r.name, Description: r.name, Licence: "x",
		BuildTime: time.Unix(1700000000, 0), Compressor: "gzip",
		Requires: relations(d.t, r.requires), Recommends: relations(d.t, r.recommends), Conflicts: relations(d.t, r.conflicts),
	}
	p, err := rpmpack.NewRPM(meta)
	if err != nil {
		d.t.Fatal(err)
	}
	p.AddFile(rpmpack.RPMFile{Name: "/usr/share/" + r.name, Body: []byte(r.name + r.version), Mode: 0o100644, Owner: "root", Group: "root"})
	signer := r.signer
	if signer == nil {
		signer = d.key
	}
	if signer != unsigned {
		p.SetPGPSigner(func(data []byte) ([]byte, error) {
			var sig bytes.Buffer
			err := openpgp.DetachSign(&sig, signer, bytes.NewReader(data), nil)
			return sig.Bytes(), err
		})
	}
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		d.t.Fatal(err)
	}
	d.write(fmt.Sprintf("%s/Packages/%s-%s-1.el9.%s.rpm", repo, r.name, r.version, r.arch), out.Bytes())
}

func relations(t *testing.T, names []string) (all rpmpack.Relations) {
	for _, n := range names {
		if err := all.Set(n); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// plan asks for the wants, all of them from the kickstart, line by line.
func (d *distribution) plan(repos []string, wants ...string) plan.Plan {
	p := plan.Plan{
		Disk:   plan.Disk{Packages: 1 << 30},
		Distro: "test", DistroName: "Test", Release: "9", Version: "9.6", Image: "GenericCloud", Variant: "Base", Arch: d.arch,
		Kickstart: plan.Kickstart{Path: "image.ks", Digest: digest.Bytes([]byte("kickstart"))},
		Tree:      d.url("tree"),
		Keys:      []plan.Key{{URL: d.url("KEY"), Fingerprint: fingerprintOf(d.key)}},
	}
	for _, id := range repos {
		p.Repositories = append(p.Repositories, plan.Repository{ID: id, BaseURL: d.url(id), GPGCheck: true, RepoGPGCheck: true})
	}
	for i, w := range wants {
		p.Packages.Install = append(p.Packages.Install, plan.Want{Name: w, Reason: plan.ReasonKickstart, File: "image.ks", Line: i + 10})
	}
	return p
}

func (d *distribution) options() Options {
	d.t.Helper()
	s, err := store.Open(filepath.Join(d.t.TempDir(), "store"))
	if err != nil {
		d.t.Fatal(err)
	}
	python, err := hostPython()
	if err != nil {
		d.t.Fatal(err)
	}
	return Options{Store: s, CacheDir: d.t.TempDir(), Python: python}
}

// armorPair is two keys in one armoured block, as some distributions publish them.
func armorPair(t *testing.T, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := k.Serialize(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
