// Package packages installs the Lock's packages into an empty root, with dnf and rpm, as Anaconda would: dnf resolves the kickstart's own
// request against a repository of exactly the Lock's RPMs, so that history, reasons and groups are recorded, and rpm runs the
// scripts in its order. The same code works in the sandbox on the host and in the build machine.
//
// Where it runs, how the root came to be and what becomes of it is the callers' affair: nothing here makes a namespace, mounts,
// downloads or checks signatures.
package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
)

// Env is where to install. The paths are absolute, and the folders exist.
type Env struct {
	Root  string // the new system; empty, or with /dev, /proc, /sys and /run mounted and nothing else
	Repo  string // the payload: one folder per repository, named by its id
	Cache string // dnf's, outside the root; anything in it may be removed later
	Log   string // gets what dnf, rpm and the packages' scripts print
	// Python is an interpreter with dnf's library. Empty looks for one.
	Python string
	Report func(wire.Event) // progress, warnings and lines of programs; nil drops them
}

func (e Env) report(event wire.Event) {
	if e.Report != nil {
		e.Report(event)
	}
}

func (e Env) log(line string) { e.report(wire.Event{Kind: wire.EventLog, Message: line}) }

func (e Env) warn(line string) { e.report(wire.Event{Kind: wire.EventWarning, Message: line}) }

// MismatchError is a root that does not hold what the Lock says.
type MismatchError struct {
	Missing, Unexpected []string // NAME-EPOCH:VERSION-RELEASE.ARCH, sorted
}

func (e *MismatchError) Error() string {
	const show = 10
	text := "what dnf installed is not what the lock says"
	for _, part := range []struct {
		word string
		list []string
	}{{"missing", e.Missing}, {"not expected", e.Unexpected}} {
		if n := len(part.list); n > 0 {
			text += fmt.Sprintf("; %d %s: %v", n, part.word, part.list[:min(n, show)])
		}
	}
	return text + "; make a new lock with quarry lock"
}

// Install installs the packages, makes what initramfs is missing and takes away what only the installing left behind. /dev, /proc, /sys
// and /run have to be mounted in the root, for the packages' scripts. It returns what is installed, sorted by name; a root
// with other packages than spec.Expected is a *MismatchError.
func Install(ctx context.Context, env Env, spec wire.PackageSpec) ([]artifact.Package, error) {
	repositories, err := repositories(env.Repo)
	if err != nil {
		return nil, err
	}
	req, err := request(env, spec, repositories)
	if err != nil {
		return nil, err
	}
	undo, err := forceGeneric(env.Root)
	if err != nil {
		return nil, err
	}
	lines, err := runDNF(ctx, env, req)
	if err != nil {
		return nil, fmt.Errorf("installing %d packages: %w", len(spec.Expected), err)
	}
	installed, err := Manifest(lines)
	if err != nil {
		return nil, err
	}
	if err := Compare(spec.Expected, installed); err != nil {
		return nil, err
	}
	if err := initramfs(ctx, env); err != nil {
		return nil, err
	}
	return installed, errors.Join(undo(), clean(env.Root))
}

// repositoryID is what dnf allows, without what would leave the folder.
var repositoryID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)

// ValidID reports whether id can name a repository and the payload's folder for it.
func ValidID(id string) bool { return len(id) < 200 && repositoryID.MatchString(id) }

// repositories lists the payload's folders.
func repositories(payload string) ([]string, error) {
	entries, err := os.ReadDir(payload)
	if err != nil {
		return nil, fmt.Errorf("reading the payload: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(payload, e.Name(), "repodata", "repomd.xml")); err == nil && ValidID(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("the payload %s holds no repository", payload)
	}
	return ids, nil
}

// Compare checks what is installed against the Lock: a difference is a *MismatchError.
func Compare(expected []string, installed []artifact.Package) error {
	var e MismatchError
	have := map[string]bool{}
	for _, p := range installed {
		name := Key(p)
		have[name] = true
		if !slices.Contains(expected, name) {
			e.Unexpected = append(e.Unexpected, name)
		}
	}
	for _, name := range expected {
		if !have[name] {
			e.Missing = append(e.Missing, name)
		}
	}
	if len(e.Missing)+len(e.Unexpected) == 0 {
		return nil
	}
	sort.Strings(e.Missing)
	return &e
}

// Key is the spelling of wire.PackageSpec.Expected: NAME-EPOCH:VERSION-RELEASE.ARCH, with the epoch even where it is 0.
func Key(p artifact.Package) string {
	return fmt.Sprintf("%s-%s:%s-%s.%s", p.Name, p.Epoch, p.Version, p.Release, p.Arch)
}
