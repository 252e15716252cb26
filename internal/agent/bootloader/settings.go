package bootloader

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/storage"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
)

// entriesDir holds the Boot Loader Specification's entries, one a kernel.
const entriesDir = "boot/loader/entries"

// writeSettings writes what later kernels and grub2-mkconfig read.
func writeSettings(t Target, b wire.Bootloader, line Line) error {
	files := map[string]string{
		"etc/kernel/cmdline":   line.String() + "\n",
		"etc/sysconfig/kernel": "# Whether a new kernel becomes the default, and which package's kernels do\nUPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel-core\n",
	}
	if t.Arch.Bus != arch.CCW {
		files["etc/default/grub"] = grubDefaults(b, line)
	}
	for name, text := range files {
		if err := t.write(name, text); err != nil {
			return err
		}
	}
	return nil
}

// grubDefaults is /etc/default/grub as Anaconda writes it.
func grubDefaults(b wire.Bootloader, line Line) string {
	timeout := 5
	if b.Timeout != nil {
		timeout = *b.Timeout
	}
	arguments := strings.ReplaceAll(strings.ReplaceAll(strings.Join(line.Args, " "), `\`, `\\`), `"`, `\"`)
	return fmt.Sprintf(`GRUB_TIMEOUT=%d
GRUB_DISTRIBUTOR="$(sed 's, release .*$,,g' /etc/system-release)"
GRUB_DEFAULT=saved
GRUB_DISABLE_SUBMENU=true
GRUB_TERMINAL_OUTPUT="console"
GRUB_CMDLINE_LINUX="%s"
GRUB_DISABLE_RECOVERY="true"
GRUB_ENABLE_BLSCFG=true
`, timeout, arguments)
}

// entries gives every kernel's BLS entry the right command line and paths: they were made when the packages were installed, before there
// was a disk. Paths are relative to the file system that holds /boot, which is all that grub sees; zipl runs in the system and wants them as
// they are there.
func entries(t Target, line Line) error {
	names, err := t.list(entriesDir)
	if err != nil {
		return err
	}
	prefix := "/boot"
	if _, separate := storage.At(t.Contents, "/boot"); separate && t.Arch.Bus != arch.CCW {
		prefix = ""
	}
	for _, name := range names {
		if path.Ext(name) != ".conf" {
			continue
		}
		file := path.Join(entriesDir, name)
		text, err := t.Root.ReadFile(file)
		if err != nil {
			return err
		}
		if err := t.write(file, bootEntry(string(text), line, prefix)); err != nil {
			return err
		}
	}
	return nil
}

// bootEntry rewrites one entry. The file of the rescue kernel is an entry like the others. The title comes first: zipl takes nothing else.
func bootEntry(text string, line Line, prefix string) string {
	var title, out []string
	seen := false
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		key, value, _ := strings.Cut(l, " ")
		switch key {
		case "options":
			if seen {
				continue
			}
			seen, value = true, line.String()
		case "linux", "initrd":
			words := strings.Fields(value)
			if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "/") }); i >= 0 {
				words[i] = prefix + strings.TrimPrefix(words[i], "/boot")
			}
			value = strings.Join(words, " ")
		case "title":
			title = append(title, l)
			continue
		default:
			out = append(out, l)
			continue
		}
		out = append(out, key+" "+value)
	}
	if !seen {
		out = append(out, "options "+line.String())
	}
	return strings.Join(append(title, out...), "\n") + "\n"
}
