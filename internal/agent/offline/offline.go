// Package offline lets the dnf of scripts work without a network: while they run, the payload's repositories are the only ones, under
// the ids that the real ones have. The installed system's own repository files stay where they are, so that scripts can read, change, add
// and remove them: dnf is only told to look elsewhere, by lines in its configuration that are taken out again.
package offline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Where things are in the installed system while scripts run. /dev is in memory and stays mounted then; /run is not for us, as scripts of
// containers unmount it to leave files there.
const (
	ours    = "dev/quarry"
	Payload = ours + "/payload" // a folder per repository id, each with its repodata
	repos   = ours + "/repos"
	cache   = ours + "/cache"
	ownFile = "quarry.repo"
	config  = "etc/dnf/dnf.conf"
	yumDir  = "etc/yum.repos.d"
)

// Begin mounts the payload, which is mounted at source, in the system at root and makes it dnf's only source. The function it
// returns undoes that.
func Begin(root, source string) (end func() error, err error) {
	system, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{Payload, repos, cache} {
		if err := system.MkdirAll(dir, 0o755); err != nil {
			return nil, errors.Join(err, system.Close())
		}
	}
	target := path.Join(root, Payload)
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return nil, errors.Join(fmt.Errorf("mount the payload in the system: %w", err), system.Close())
	}
	if err := point(system); err != nil {
		return nil, errors.Join(err, unix.Unmount(target, unix.MNT_DETACH), system.Close())
	}
	return func() error {
		err := errors.Join(restore(system), unix.Unmount(target, unix.MNT_DETACH))
		if err == nil { // else RemoveAll could meet the payload
			err = system.RemoveAll(ours)
		}
		return errors.Join(err, system.Close())
	}, nil
}

// point writes the payload's repository file and dnf's configuration.
func point(system *os.Root) error {
	entries, err := fs.ReadDir(system.FS(), Payload)
	if err != nil {
		return err
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() {
			ids = append(ids, e.Name())
		}
	}
	if err := system.WriteFile(path.Join(repos, ownFile), []byte(repoFile(ids)), 0o644); err != nil {
		return err
	}
	text, err := system.ReadFile(config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no dnf, nothing to serve
	}
	if err != nil {
		return err
	}
	return rewrite(system, string(text), setAside(string(text)))
}

// restore takes our lines out of dnf's configuration, and puts repository files that scripts had dnf make where they belong.
func restore(system *os.Root) error {
	text, err := system.ReadFile(config)
	if err == nil {
		err = rewrite(system, string(text), giveBack(string(text)))
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil // a script has removed dnf
	}
	made, listErr := fs.ReadDir(system.FS(), repos)
	err = errors.Join(err, listErr)
	for _, e := range made {
		if e.Name() == ownFile {
			continue
		}
		data, readErr := system.ReadFile(path.Join(repos, e.Name()))
		if readErr == nil {
			readErr = system.WriteFile(path.Join(yumDir, e.Name()), data, 0o644)
		}
		err = errors.Join(err, readErr)
	}
	if err != nil {
		return fmt.Errorf("give dnf its configuration back: %w", err)
	}
	return nil
}

func rewrite(system *os.Root, before, after string) error {
	if before == after {
		return nil
	}
	info, err := system.Stat(config)
	if err != nil {
		return err
	}
	temporary := config + ".quarry"
	if err := system.WriteFile(temporary, []byte(after), info.Mode().Perm()); err != nil {
		return err
	}
	return system.Rename(temporary, config)
}

// repoFile describes the payload to dnf. Its packages' signatures were verified when they were fetched.
func repoFile(ids []string) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "[%s]\nname=%s\nbaseurl=file:///%s/%s\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=0\n", id, id, Payload, id)
	}
	return b.String()
}

// Marks of our lines in dnf.conf.
const (
	added  = "# quarry: while scripts run"
	hidden = "# quarry: set aside: "
)

// setAside makes a dnf.conf look at our repositories only and keep its cache in memory. What it says about both is kept as a
// comment. giveBack undoes it, whatever else has changed meanwhile.
func setAside(text string) string {
	lines := []string{added, "reposdir=/" + repos, "cachedir=/" + cache}
	var out []string
	main := false
	for _, line := range strings.Split(text, "\n") {
		key, _, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(key) {
		case "reposdir", "cachedir":
			line = hidden + line
		}
		out = append(out, line)
		if strings.TrimSpace(line) == "[main]" && !main {
			out, main = append(out, lines...), true
		}
	}
	if !main {
		out = append(append([]string{added, "[main]"}, lines[1:]...), out...)
	}
	return strings.Join(out, "\n")
}

func giveBack(text string) string {
	lines := strings.Split(text, "\n")
	var out []string
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case line == added && i+1 < len(lines) && lines[i+1] == "[main]":
			i++ // we have added the section
		case line == added, line == "reposdir=/"+repos, line == "cachedir=/"+cache:
		default:
			out = append(out, strings.TrimPrefix(line, hidden))
		}
	}
	return strings.Join(out, "\n")
}
