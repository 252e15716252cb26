// Package disk finds kickstarts on disk and reads them together with what they include. What they say is the business of
// package kickstart; nothing here writes.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/kickstart"
)

// Input is one kickstart. Its includes are looked up from Root and beside it, and can't lead out of Root.
type Input struct {
	Root string // folder; "" is the working directory
	Name string // slash-separated path inside Root; "-" is standard input
}

// Path is the file as a user of the working directory names it.
func (in Input) Path() string {
	if in.Name == "-" {
		return "<stdin>"
	}
	return filepath.Join(in.Root, filepath.FromSlash(in.Name))
}

// Find resolves what the user named: files, folders (every *.ks below them), glob patterns and "-". With root "" a file
// inside the working directory may include whatever else is in there; any other file what is in its own folder.
func Find(root string, names []string) ([]Input, error) {
	var all []Input
	for _, name := range names {
		found, err := expand(name)
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			in, err := place(root, name, file)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(all, in) {
				all = append(all, in)
			}
		}
	}
	return all, nil
}

// expand lists the files that one argument means.
func expand(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return below(name)
	case err == nil:
		return []string{name}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("looking for kickstarts: %w", err)
	}
	matches, err := filepath.Glob(name)
	if err != nil {
		return nil, fmt.Errorf("looking for kickstarts %q: %w", name, err)
	}
	if len(matches) == 0 {
		return nil, fmt.Errorf("looking for kickstarts: there is no file, folder or match for %q", name)
	}
	var all []string
	for _, match := range matches {
		found, err := expand(match)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func below(dir string) (all []string, err error) {
	// The slash makes the walk begin inside the folder that a symbolic link leads to.
	err = filepath.WalkDir(dir+string(filepath.Separator), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(name, ".ks") {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for kickstarts: %w", err)
	}
	if all == nil {
		return nil, fmt.Errorf("looking for kickstarts: folder %s holds no file *.ks", dir)
	}
	return all, nil
}

// place says which root a file belongs to.
func place(root, argument, file string) (Input, error) {
	if file == "-" {
		return Input{Root: root, Name: file}, nil
	}
	if root != "" {
		name, err := filepath.Rel(root, file)
		if err != nil || !filepath.IsLocal(name) {
			return Input{}, fmt.Errorf("kickstart %s isn't inside the root %s", file, root)
		}
		return Input{root, filepath.ToSlash(name)}, nil
	}
	if filepath.IsLocal(file) {
		return Input{"", filepath.ToSlash(filepath.Clean(file))}, nil
	}
	dir := filepath.Dir(file)
	if info, err := os.Stat(argument); err == nil && info.IsDir() {
		dir = argument
	}
	name, err := filepath.Rel(dir, file)
	if err != nil {
		return Input{}, fmt.Errorf("kickstart %s isn't inside %s: %w", file, dir, err)
	}
	return Input{dir, filepath.ToSlash(name)}, nil
}

// Text reads the file itself, even where it is a symbolic link that leads out of the root: the user named it.
func (in Input) Text(stdin io.Reader) (string, error) {
	src := stdin
	if in.Name != "-" {
		file, err := os.Open(in.Path())
		if err != nil {
			return "", fmt.Errorf("reading kickstart: %w", err)
		}
		defer file.Close()
		src = file
	}
	data, err := io.ReadAll(io.LimitReader(src, maxBytes+1))
	if err != nil {
		return "", fmt.Errorf("reading kickstart %s: %w", in.Path(), err)
	}
	return string(data), nil
}

// maxBytes is what kickstart.Options allows by default; one more makes Parse refuse.
const maxBytes = 4 << 20

func (in Input) dir() string {
	if in.Root == "" {
		return "."
	}
	return in.Root
}

// Parse reads a kickstart and its includes. Version 0 means what the file says of itself, RHEL 9 when it says nothing.
// Errors are those of kickstart.Parse.
func Parse(ctx context.Context, in Input, version kickstart.Version, stdin io.Reader) (*kickstart.File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, err := in.Text(stdin)
	if err != nil {
		return nil, err
	}
	tree, err := os.OpenRoot(in.dir())
	if err != nil {
		return nil, fmt.Errorf("reading kickstart %s: %w", in.Path(), err)
	}
	defer tree.Close()
	if version == 0 {
		version = Declared(text)
	}
	return kickstart.Parse(in.Name, strings.NewReader(text), kickstart.Options{
		Version: version, Includes: tree.FS(), AllowMissingIncludes: true,
	})
}

// Declared is the version that the comment "#version=RHEL9" in a kickstart names, RHEL 9 when there is none.
func Declared(text string) kickstart.Version {
	if found := regexp.MustCompile(`(?m)^#\s*version=(\S+)`).FindStringSubmatch(text); found != nil {
		if version, err := kickstart.ParseVersion(found[1]); err == nil {
			return version
		}
	}
	return kickstart.RHEL9
}
