package config

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// fallbackLocale is built into the C library: it is there in every image.
const fallbackLocale = "C.UTF-8"

// language writes /etc/locale.conf. A language that isn't installed would make every program complain, so C.UTF-8 is used then,
// as in Anaconda.
func language(_ context.Context, t Target, c wire.Config) error {
	if c.Lang == "" {
		return nil
	}
	name := c.Lang
	if !strings.Contains(name, ".") {
		base, modifier, ok := strings.Cut(name, "@")
		if name = base + ".UTF-8"; ok {
			name += "@" + modifier
		}
	}
	if name != fallbackLocale && !t.hasLocale(name) {
		t.Log("lang: the system has no locale " + name + ": " + fallbackLocale + " is used")
		name = fallbackLocale
	}
	return t.write("etc/locale.conf", fmt.Sprintf("LANG=%q\n", name), 0o644)
}

// hasLocale looks for an installed locale: a folder of its own, or a name in glibc's archive.
func (t Target) hasLocale(name string) bool {
	base, charset, _ := strings.Cut(name, ".")
	charset, modifier, _ := strings.Cut(charset, "@")
	normal := base + "." + strings.ToLower(strings.ReplaceAll(charset, "-", ""))
	if modifier != "" {
		normal += "@" + modifier
	}
	for _, n := range []string{name, normal} {
		if t.has(path.Join("usr/lib/locale", path.Base(n))) {
			return true
		}
	}
	names, err := t.archivedLocales()
	return err == nil && bytes.Contains(names, []byte("\x00"+normal+"\x00"))
}

// archivedLocales reads the table of names out of glibc's locale-archive, which may be hundreds of megabytes. The header is
// locale/locarchive.h's: 32-bit numbers in the machine's byte order, of which the sixth and seventh are where the names are and how
// many bytes are used.
func (t Target) archivedLocales() ([]byte, error) {
	f, err := t.Root.Open("usr/lib/locale/locale-archive")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var header struct {
		Magic, Serial, HashOffset, HashUsed, HashSize, NamesOffset, NamesUsed, NamesSize uint32
	}
	if err := binary.Read(f, binary.NativeEndian, &header); err != nil {
		return nil, err
	}
	const limit = 4 << 20
	if header.NamesUsed > limit {
		return nil, fmt.Errorf("the locale archive has %d bytes of names", header.NamesUsed)
	}
	names := make([]byte, int(header.NamesUsed)+1)
	n, err := f.ReadAt(names[1:], int64(header.NamesOffset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return names[:n+1], nil
}

// keyboard writes the console's keymap and X's layouts.
func keyboard(_ context.Context, t Target, c wire.Config) error {
	if c.Keymap != "" {
		if err := t.write("etc/vconsole.conf", fmt.Sprintf("KEYMAP=%q\nFONT=\"eurlatgr\"\n", c.Keymap), 0o644); err != nil {
			return err
		}
	}
	layouts := c.XLayouts
	if len(layouts) == 0 {
		if layout := t.layoutOf(c.Keymap); layout != "" {
			layouts = []string{layout}
		}
	}
	if len(layouts) == 0 {
		return nil
	}
	return t.write("etc/X11/xorg.conf.d/00-keyboard.conf", xKeyboard(layouts), 0o644)
}

// layoutOf finds X's layout of a console keymap in systemd's table (columns: keymap, layout, model, variant, options).
func (t Target) layoutOf(keymap string) string {
	table, err := t.Root.ReadFile("usr/share/systemd/kbd-model-map")
	if err != nil || keymap == "" {
		return ""
	}
	for line := range strings.Lines(string(table)) {
		columns := strings.Fields(line)
		if len(columns) < 4 || columns[0] != keymap {
			continue
		}
		if columns[3] != "-" {
			return columns[1] + " (" + columns[3] + ")"
		}
		return columns[1]
	}
	return ""
}

// xKeyboard is X's configuration for layouts such as "cz (qwerty)".
func xKeyboard(layouts []string) string {
	var names, variants []string
	for _, l := range layouts {
		name, variant, _ := strings.Cut(l, "(")
		names = append(names, strings.TrimSpace(name))
		variants = append(variants, strings.Trim(variant, " )"))
	}
	text := "Section \"InputClass\"\n        Identifier \"system-keyboard\"\n        MatchIsKeyboard \"on\"\n"
	text += fmt.Sprintf("        Option \"XkbLayout\" %q\n", strings.Join(names, ","))
	if v := strings.Join(variants, ","); strings.Trim(v, ",") != "" {
		text += fmt.Sprintf("        Option \"XkbVariant\" %q\n", v)
	}
	return text + "EndSection\n"
}
