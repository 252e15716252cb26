package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/quarry-project/quarry/internal/agent/packages"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
)

// PayloadFiles is the Lock's RPMs, installed and available, as dnf repositories.
type PayloadFiles struct {
	Dir    string        `json:"dir"`    // one folder per repository, named by its id; the RPMs are links to the store's files
	Squash artifact.File `json:"squash"` // the same for the machine: an uncompressed squashfs, since RPMs are compressed already
}

// Files lists what has to be there for the payload to be usable.
func (p PayloadFiles) Files() []artifact.File { return []artifact.File{{Path: p.Dir}, p.Squash} }

// Payload makes the repositories in dir, which exists and is empty. Every package keeps its true repository, with the groups and modules that
// the repository has. The metadata is made anew, of these packages alone.
func Payload(ctx context.Context, lock resolve.Lock, inputs resolve.Inputs, dir string, report progress.Func) (PayloadFiles, error) {
	p := PayloadFiles{Dir: filepath.Join(dir, "payload")}
	err := report.Phase(ctx, "repositories", func(ctx context.Context) error {
		for _, r := range lock.Repositories {
			if err := makeRepository(ctx, lock, inputs, r, p.Dir); err != nil {
				return fmt.Errorf("making the payload's repository %s: %w", r.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return PayloadFiles{}, err
	}
	squash := filepath.Join(dir, "payload.squashfs")
	err = report.Phase(ctx, "squashfs", func(ctx context.Context) error {
		return squashfs(ctx, p.Dir, squash, "-noI", "-noD", "-noF", "-noX", "-no-xattrs", "-all-root", "-all-time", "0")
	})
	if err != nil {
		return PayloadFiles{}, err
	}
	sum, size, err := digest.File(squash)
	if err != nil {
		return PayloadFiles{}, err
	}
	p.Squash = artifact.File{Path: squash, Size: size, Digest: sum}
	return p, nil
}

func makeRepository(ctx context.Context, lock resolve.Lock, inputs resolve.Inputs, r resolve.Repository, payload string) error {
	if !packages.ValidID(r.ID) {
		return fmt.Errorf("%q can't be a repository's id", r.ID)
	}
	dir := filepath.Join(payload, r.ID)
	if err := os.MkdirAll(filepath.Join(dir, "Packages"), 0o755); err != nil {
		return err
	}
	for _, set := range [][]resolve.Package{lock.Packages, lock.Available} {
		for _, p := range set {
			if p.Repo != r.ID {
				continue
			}
			rpm, ok := inputs.RPMs[p.Key()]
			if !ok {
				return fmt.Errorf("%s was not fetched", p.Key())
			}
			if err := linkOrCopy(rpm.Path, filepath.Join(dir, "Packages", fileName(p))); err != nil {
				return err
			}
		}
	}
	args, err := createrepo(dir, inputs, r)
	if err != nil {
		return err
	}
	if err := command.Run(ctx, command.Cmd{Args: args}); err != nil {
		return err
	}
	modules, ok := inputs.Modules[r.ID]
	if !ok {
		return nil
	}
	// modifyrepo_c names the metadata by the file: the store's name is a digest.
	named := filepath.Join(dir, "modules"+extension(r.Modules.Path, ".yaml"))
	if err := linkOrCopy(modules.Path, named); err != nil {
		return err
	}
	err = command.Run(ctx, command.Cmd{
		Args: []string{"modifyrepo_c", "--mdtype=modules", "--simple-md-filenames", named, filepath.Join(dir, "repodata")},
	})
	return errors.Join(err, os.Remove(named))
}

// createrepo is the program call that makes the metadata of the repository at dir. Its result is the same for the same packages.
func createrepo(dir string, inputs resolve.Inputs, r resolve.Repository) ([]string, error) {
	args := []string{
		"createrepo_c", "--quiet", "--no-database", "--simple-md-filenames", "--general-compress-type=gz",
		"--revision=0", "--set-timestamp-to-revision", "--workers=" + strconv.Itoa(runtime.NumCPU()),
	}
	if comps, ok := inputs.Comps[r.ID]; ok {
		named := filepath.Join(dir, "comps"+extension(r.Comps.Path, ".xml"))
		if err := linkOrCopy(comps.Path, named); err != nil {
			return nil, err
		}
		args = append(args, "--groupfile="+named)
	}
	return append(args, dir), nil
}

// extension is the end of a repository file's name, by which createrepo_c knows its compression: ".xml" or ".xml.gz".
func extension(path, kind string) string {
	switch suffix := filepath.Ext(path); suffix {
	case ".gz", ".xz", ".zst", ".bz2":
		return kind + suffix
	}
	return kind
}

// fileName is how the package's file is called by convention. Its parts are names from a repository's metadata: what is no plain file name
// has been refused when the Lock was made, and Base makes sure.
func fileName(p resolve.Package) string {
	return filepath.Base(fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, p.Arch))
}

// linkOrCopy shares from's bytes with to; another file system gets a copy.
func linkOrCopy(from, to string) (err error) {
	if err := os.Link(from, to); err == nil || errors.Is(err, os.ErrExist) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// squashfs packs dir into the file out; the same content gives the same bytes.
func squashfs(ctx context.Context, dir, out string, options ...string) error {
	args := append([]string{"mksquashfs", dir, out, "-noappend", "-no-progress", "-mkfs-time", "0"}, options...)
	if err := command.Run(ctx, command.Cmd{Args: args}); err != nil {
		return fmt.Errorf("packing %s: %w", dir, err)
	}
	return nil
}
