package pebble

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"pault.ag/go/debian/dependency"

	"github.com/quarry-project/quarry/internal/command"
)

// maxFile bounds one file of a Debian package.
const maxFile = 1 << 30

// control is what Pebble needs to know of a Debian package's control file.
type control struct {
	Package, Version, Architecture string
	Summary, Description           string
	Homepage                       string
	Depends                        []dependency.Relation // Pre-Depends and Depends
	Provides                       []string
	conffiles                      map[string]bool
}

// readControl reads the control part of the .deb at name.
func readControl(ctx context.Context, name string) (control, error) {
	out, err := command.Output(ctx, command.Cmd{Args: []string{"dpkg-deb", "--ctrl-tarfile", name}})
	if err != nil {
		return control{}, fmt.Errorf("read control of %s: %w", path.Base(name), err)
	}
	c := control{conffiles: map[string]bool{}}
	tr := tar.NewReader(bytes.NewReader(out))
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c, fmt.Errorf("read control of %s: %w", path.Base(name), err)
		}
		switch path.Base(h.Name) {
		case "control":
			if err := c.parse(tr); err != nil {
				return c, fmt.Errorf("read control of %s: %w", path.Base(name), err)
			}
		case "conffiles":
			sc := bufio.NewScanner(tr)
			for sc.Scan() {
				if p := strings.TrimSpace(sc.Text()); strings.HasPrefix(p, "/") {
					c.conffiles[merge(p)] = true
				}
			}
		}
	}
	if c.Package == "" || c.Version == "" {
		return c, fmt.Errorf("read control of %s: it names no package and version", path.Base(name))
	}
	return c, nil
}

func (c *control) parse(r io.Reader) error {
	fields := map[string]string{}
	last := ""
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := sc.Text()
		if strings.HasPrefix(line, " ") {
			fields[last] += "\n" + strings.TrimSpace(line)
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		last = key
		fields[key] = strings.TrimSpace(value)
	}
	if err := sc.Err(); err != nil {
		return err
	}
	c.Package, c.Version, c.Architecture = fields["Package"], fields["Version"], fields["Architecture"]
	c.Homepage = fields["Homepage"]
	c.Summary, c.Description, _ = strings.Cut(fields["Description"], "\n")
	for _, field := range []string{"Pre-Depends", "Depends"} {
		dep, err := dependency.Parse(fields[field])
		if err != nil {
			return fmt.Errorf("field %s: %w", field, err)
		}
		c.Depends = append(c.Depends, dep.Relations...)
	}
	provides, err := dependency.Parse(fields["Provides"])
	if err != nil {
		return fmt.Errorf("field Provides: %w", err)
	}
	for _, rel := range provides.Relations {
		for _, p := range rel.Possibilities {
			c.Provides = append(c.Provides, p.Name)
		}
	}
	return nil
}

// readFiles adds the data part of the .deb at name to into, without what take leaves out. Folders are only kept when they are empty
// or not plain root's: rpm makes all others on the way.
func readFiles(ctx context.Context, name string, take filter, conffiles map[string]bool, into files) error {
	pr, pw := io.Pipe()
	go func() {
		pw.CloseWithError(command.Run(ctx, command.Cmd{Args: []string{"dpkg-deb", "--fsys-tarfile", name}, Stdout: pw}))
	}()
	defer pr.Close()
	all := files{}
	tr := tar.NewReader(pr)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", path.Base(name), err)
		}
		f, err := fileOf(h, tr, all)
		if err != nil {
			return fmt.Errorf("unpack %s: %w", path.Base(name), err)
		}
		if f.Path == "/" || !take.takes(f.Path) {
			continue
		}
		f.Config = conffiles[f.Path] && f.is(typeFile)
		all.add(f)
	}
	if _, err := io.Copy(io.Discard, pr); err != nil {
		return fmt.Errorf("unpack %s: %w", path.Base(name), err)
	}
	full := map[string]bool{}
	for p := range all {
		full[path.Dir(p)] = true
	}
	for p, f := range all {
		plain := f.Mode == typeDir|0o755 && f.Owner == "root" && f.Group == "root"
		if f.is(typeDir) && full[p] && plain {
			continue
		}
		into.add(f)
	}
	return nil
}

// fileOf makes a file of a tar entry. Hard links become copies.
func fileOf(h *tar.Header, r io.Reader, seen files) (file, error) {
	f := file{Path: merge(h.Name), Mode: uint32(h.Mode & 0o7777), Owner: h.Uname, Group: h.Gname, MTime: h.ModTime.Unix()}
	switch h.Typeflag {
	case tar.TypeDir:
		f.Mode |= typeDir
	case tar.TypeSymlink:
		f.Mode = typeLink | 0o777
		f.Body = []byte(h.Linkname)
	case tar.TypeLink:
		target, ok := seen[merge(h.Linkname)]
		if !ok {
			return f, fmt.Errorf("%s is a hard link to %s, which is not there", h.Name, h.Linkname)
		}
		target.Path = f.Path
		return target, nil
	case tar.TypeReg:
		if h.Size > maxFile {
			return f, fmt.Errorf("%s has %d bytes", h.Name, h.Size)
		}
		f.Mode |= typeFile
		body := make([]byte, h.Size)
		if _, err := io.ReadFull(r, body); err != nil {
			return f, err
		}
		f.Body = body
	default:
		return f, fmt.Errorf("%s is neither file, folder nor link", h.Name)
	}
	return f, nil
}
