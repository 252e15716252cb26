package pebble

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/command"
)

// generate adds the files that Debian's maintainer scripts make at the end of an installation.
func (p pkg) generate(ctx context.Context, all files) error {
	switch p.Name {
	case "ca-certificates":
		addBundle(all)
	case "linux-firmware":
		return addFirmware(ctx, all)
	case "glibc-langpack-en":
		if len(p.Debs) > 0 {
			return p.addLocale(ctx, all)
		}
	}
	return nil
}

// firmware is what the Pi's kickstart unpacks.
const firmware = "/usr/lib/firmware/brcm/brcmfmac43430-sdio.raspberrypi,3-model-b.txt"

// addFirmware adds one file, compressed as EL's firmware is.
func addFirmware(ctx context.Context, all files) error {
	text := "# Pebble, a test fixture: stands for the real file.\n"
	packed, err := command.Output(ctx, command.Cmd{Args: []string{"xz", "-c"}, Stdin: strings.NewReader(text)})
	if err != nil {
		return fmt.Errorf("pack %s: %w", path.Base(firmware), err)
	}
	all.add(file{Path: firmware + ".xz", Mode: typeFile | 0o644, MTime: epoch, Body: packed})
	return nil
}

// bundle is where programs look for the certificates that they trust, in one file.
const bundle = "/etc/ssl/certs/ca-certificates.crt"

// addBundle joins the single certificates.
func addBundle(all files) {
	var out bytes.Buffer
	for _, f := range all.sorted() {
		if strings.HasPrefix(f.Path, "/usr/share/ca-certificates/") && f.is(typeFile) {
			out.Write(bytes.TrimSpace(f.Body))
			out.WriteByte('\n')
		}
	}
	all.add(file{Path: bundle, Mode: typeFile | 0o644, MTime: epoch, Body: out.Bytes()})
}

// addLocale compiles en_US.UTF-8, which kickstarts set, from its source in Debian's locales package.
func (p pkg) addLocale(ctx context.Context, all files) error {
	dir, err := os.MkdirTemp("", "pebble-locale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sources := files{}
	if err := readFiles(ctx, p.Debs[0].Path, filter{}, nil, sources); err != nil {
		return err
	}
	for name, f := range sources {
		if strings.HasPrefix(name, "/usr/share/i18n/") && f.is(typeFile) {
			if err := unpack(dir, name, f); err != nil {
				return err
			}
		}
	}
	out := filepath.Join(dir, "en_US.utf8")
	endian := "--little-endian"
	if p.bigEndian {
		endian = "--big-endian"
	}
	err = command.Run(ctx, command.Cmd{Args: []string{"localedef", "--no-archive", "--quiet", endian, "-i", "en_US", "-f", "UTF-8", out},
		Env: append(os.Environ(), "I18NPATH="+filepath.Join(dir, "usr/share/i18n"))})
	if err != nil {
		return fmt.Errorf("compile the locale: %w", err)
	}
	return filepath.WalkDir(out, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		to := path.Join("/usr/lib/locale/en_US.utf8", strings.TrimPrefix(name, out))
		all.add(file{Path: to, Mode: typeFile | 0o644, MTime: epoch, Body: body})
		return nil
	})
}
