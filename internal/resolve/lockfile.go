package resolve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/redact"
)

// maxLock is the most that a lock file may have, in bytes. One of a desktop is a few megabytes.
const maxLock = 64 << 20

// Save writes the lock to a file, whole or not at all.
func (l Lock) Save(file string) error {
	data, err := l.encode()
	if err != nil {
		return err
	}
	if err := durable.WriteFile(file, data); err != nil {
		return fmt.Errorf("saving the lock: %w", err)
	}
	return nil
}

func (l Lock) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(l); err != nil {
		return nil, fmt.Errorf("writing the lock: %w", err)
	}
	return b.Bytes(), nil
}

// Load reads a saved lock. A file that is no lock, or that names paths outside its repositories, is an error.
func Load(file string) (Lock, error) {
	data, err := readLimited(file, maxLock)
	if err != nil {
		return Lock{}, fmt.Errorf("reading the lock: %w", err)
	}
	l, err := decodeLock(data)
	if err != nil {
		return Lock{}, fmt.Errorf("the lock %s: %w; make it anew with quarry lock", file, err)
	}
	return l, nil
}

func decodeLock(data []byte) (Lock, error) {
	var l Lock
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Lock{}, err
	}
	if l.Format != Format {
		return Lock{}, fmt.Errorf("its format is %d, this Quarry reads %d", l.Format, Format)
	}
	return l, l.check()
}

// Digest digests the lock.
func (l Lock) Digest() (digest.Digest, error) { return digest.JSON(l) }

// Check returns an error unless the lock is for that plan.
func (l Lock) Check(p plan.Plan) error {
	d, err := p.Digest()
	if err != nil {
		return err
	}
	switch {
	case l.Plan.Name != p.Name():
		return fmt.Errorf("the lock is for %s and not for %s", l.Plan.Name, p.Name())
	case l.Kickstart.Digest != p.Kickstart.Digest:
		return fmt.Errorf("the lock is for another kickstart: commit %s of %s; build that commit, or make the lock anew", orNone(l.Kickstart.Commit), redact.URL(l.Kickstart.Source))
	case l.Plan.Digest != d:
		return fmt.Errorf("the lock is for another plan of %s: the pipeline, the mirror or an option has changed; make it anew with quarry lock", p.Name())
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// part is what names that become part of paths and arguments may be made of.
var part = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+~^:-]*$`)

// check refuses what a lock file, which may come from somebody else, must not make us do.
func (l Lock) check() error {
	repos := map[string]bool{}
	for _, r := range l.Repositories {
		if !part.MatchString(r.ID) {
			return fmt.Errorf("%q is no name of a repository", r.ID)
		}
		repos[r.ID] = true
		for _, f := range []*File{r.Comps, r.Modules} {
			if err := f.check(); f != nil && err != nil {
				return fmt.Errorf("the repository %s: %w", r.ID, err)
			}
		}
		for _, address := range append([]string{r.BaseURL}, r.Mirrors...) {
			if err := fetchable(address); err != nil {
				return fmt.Errorf("the repository %s: %w", r.ID, err)
			}
		}
	}
	for _, f := range []*File{&l.Tree.Kernel, &l.Tree.Initrd, &l.Tree.Stage2} {
		if err := f.check(); err != nil {
			return fmt.Errorf("the installer tree: %w", err)
		}
	}
	if err := fetchable(l.Tree.URL); err != nil {
		return fmt.Errorf("the installer tree: %w", err)
	}
	if len(l.Packages) == 0 {
		return errors.New("it names no package")
	}
	for _, set := range [][]Package{l.Packages, l.Available} {
		for _, p := range set {
			if err := p.check(repos); err != nil {
				return fmt.Errorf("the package %s: %w", p.NEVRA, err)
			}
		}
	}
	return nil
}

func (p Package) check(repos map[string]bool) error {
	for _, field := range []string{p.Name, p.Epoch, p.Version, p.Release, p.Arch} {
		if !part.MatchString(field) {
			return fmt.Errorf("%q can't be in a package's name", field)
		}
	}
	if !repos[p.Repo] {
		return fmt.Errorf("there is no repository %q", p.Repo)
	}
	if err := (&File{Path: p.Location, Digest: p.Digest, Size: p.Size}).check(); err != nil {
		return err
	}
	return fetchable(p.URL)
}

func (f *File) check() error {
	if f == nil {
		return nil
	}
	if clean := path.Clean(f.Path); !fs.ValidPath(clean) || clean == "." {
		return fmt.Errorf("the path %q leaves its folder", f.Path)
	}
	if f.Size < 0 {
		return fmt.Errorf("%s has a negative size", f.Path)
	}
	if parsed, err := digest.Parse(string(f.Digest)); err != nil || parsed != f.Digest {
		return fmt.Errorf("%s has no digest", f.Path)
	}
	return nil
}

func fetchable(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" {
		return fmt.Errorf("%q is no http, https or file URL", redact.URL(address))
	}
	return nil
}
