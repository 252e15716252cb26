package pebble

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/rpmpack"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
)

// Bits of rpm's dependency flags that rpmpack has no name for: they order packages around scriptlets.
const (
	sensePre  = 1 << 9
	sensePost = 1 << 10
)

// tagFileCaps is RPMTAG_FILECAPS: an array of strings, one per file.
const tagFileCaps = 5010

// fileName is the RPM's name: NAME-VERSION-RELEASE.ARCH.rpm.
func (p pkg) fileName() string {
	return fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, p.Arch)
}

// key names everything that the RPM is made from.
func (p pkg) key(signer *key) (digest.Digest, error) {
	code, err := codeDigest(false, "deb.go", "convert.go", "files.go", "kernel.go", "python.go", "rpm.go", "scriptlets.go", "generate.go")
	if err != nil {
		return "", err
	}
	return digest.JSON([]any{p, p.drop, p.Rule.kernel, p.bigEndian, code, signer.Fingerprint})
}

// build makes the RPM at name, signed.
func (p pkg) build(ctx context.Context, signer *key, name string) error {
	all, err := p.load(ctx)
	if err != nil {
		return err
	}
	if text := sysusers(p.Rule.Users); text != "" && !all.have("/usr/lib/sysusers.d/") {
		all.add(file{Path: "/usr/lib/sysusers.d/" + p.Name + ".conf", Mode: typeFile | 0o644, Body: []byte(text), MTime: epoch})
	}
	if p.Name == "rocky-gpg-keys" {
		all.add(file{Path: "/etc/pki/rpm-gpg/" + keyName, Mode: typeFile | 0o644, Body: signer.Public, MTime: epoch})
	}
	out, err := p.pack(all)
	if err != nil {
		return fmt.Errorf("package %s: %w", p.Name, err)
	}
	out.SetPGPSigner(signer.sign)
	return writeRPM(out, name)
}

func (p pkg) pack(all files) (*rpmpack.RPM, error) {
	scripts := scriptletsFor(p.Rule, all)
	meta := rpmpack.RPMMetaData{
		Name: p.Name, Version: p.Version, Release: p.Release, Arch: p.Arch, Epoch: rpmpack.NoEpoch,
		Summary: p.Summary, Description: p.Description, URL: p.URL,
		Vendor: "Pebble, a test fixture", Licence: "See the Debian package", BuildHost: "pebble.invalid",
		Compressor: "zstd:fastest", BuildTime: time.Unix(epoch, 0),
	}
	if meta.Description == "" {
		meta.Description = p.Summary
	}
	for _, list := range []struct {
		names []string
		into  *rpmpack.Relations
	}{{p.Requires, &meta.Requires}, {p.Recommends, &meta.Recommends}, {p.Provides, &meta.Provides}, {p.Conflicts, &meta.Conflicts}} {
		for _, name := range list.names {
			if err := list.into.Set(name); err != nil {
				return nil, fmt.Errorf("dependency %q: %w", name, err)
			}
		}
	}
	meta.Requires = append(meta.Requires,
		&rpmpack.Relation{Name: "rpmlib(PayloadIsZstd)", Version: "5.4.18-1", Sense: rpmpack.SenseRPMLIB | rpmpack.SenseLess | rpmpack.SenseEqual})
	if scripts.Pre != "" {
		meta.Requires = append(meta.Requires, &rpmpack.Relation{Name: "/bin/sh", Sense: sensePre})
	}
	if scripts.Post+scripts.Posttrans != "" {
		meta.Requires = append(meta.Requires, &rpmpack.Relation{Name: "/bin/sh", Sense: sensePost})
	}
	if len(p.Rule.Users) > 0 {
		meta.Requires = append(meta.Requires, &rpmpack.Relation{Name: "shadow-utils", Sense: sensePre})
	}
	out, err := rpmpack.NewRPM(meta)
	if err != nil {
		return nil, err
	}
	out.AddPrein(scripts.Pre)
	out.AddPostin(scripts.Post)
	out.AddPreun(scripts.Preun)
	out.AddPostun(scripts.Postun)
	out.AddPosttrans(scripts.Posttrans)
	addFiles(out, all)
	return out, nil
}

func addFiles(out *rpmpack.RPM, all files) {
	var caps []string
	any := false
	for _, f := range all.sorted() {
		kind := rpmpack.GenericFile
		if f.Config {
			kind |= rpmpack.ConfigFile | rpmpack.NoReplaceFile
		}
		if f.Ghost {
			kind = rpmpack.GhostFile
		}
		out.AddFile(rpmpack.RPMFile{Name: f.Path, Body: f.Body, Mode: uint(f.Mode), Owner: f.Owner, Group: f.Group,
			MTime: uint32(f.MTime), Type: kind})
		caps = append(caps, f.Caps)
		any = any || f.Caps != ""
	}
	if any {
		out.AddCustomTag(tagFileCaps, rpmpack.EntryStringSlice(caps))
	}
}

func writeRPM(out *rpmpack.RPM, name string) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".rpm-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	w := bufio.NewWriterSize(tmp, 1<<20)
	err = out.Write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	return durable.Rename(tmp.Name(), name)
}

// letter is the folder below Packages/ that EL keeps a package in.
func letter(name string) string { return strings.ToLower(name[:1]) }
