// Package config brings the configuration commands of a kickstart about in an installed system, one file a topic, with the effects
// and in the order that Anaconda has. Where a tool of the installed system holds policy (systemctl, firewall-offline-cmd,
// authselect, useradd) it is run there; what is only a file is written, because each program costs a tenth of a second and more
// under emulation. Storage, boot loaders and scripts are other rooms'.
package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/quarry-project/quarry/internal/agent/program"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// Target is the installed system.
type Target struct {
	// Root is its root directory. Paths and links can't lead out of it.
	Root *os.Root
	// Tools runs programs of the installed system in it.
	Tools program.Runner
	// Release is the major release of the distribution: "8", "9", "10".
	Release string
	// HardwareClock is false where the machine has none to write /etc/adjtime for (s390x).
	HardwareClock bool
	Log           func(string)
	Warn          func(string)
}

// step is one topic.
type step struct {
	name string
	run  func(context.Context, Target, wire.Config) error
}

// steps is Anaconda's order. Services come last of what they depend on: firstboot, time and kdump decide about services too, and all are
// switched in one call.
func steps() []step {
	return []step{
		{"selinux", selinux},
		{"authselect", authentication},
		{"timezone", timezone},
		{"services", services},
		{"lang", language},
		{"keyboard", keyboard},
		{"firewall", firewall},
		{"network", network},
		{"users", users},
		{"desktop", desktop},
		{"firstboot", firstboot},
		{"repo --install", repositories},
		{"rpm macros", rpmMacros},
	}
}

// Apply does everything that c asks for.
func Apply(ctx context.Context, t Target, c wire.Config) error {
	for _, s := range steps() {
		if err := s.run(ctx, t, c); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// has reports whether the installed system has this file.
func (t Target) has(name string) bool {
	_, err := t.Root.Lstat(name)
	return err == nil
}

// write makes or replaces a file and the folders above it; owner is root.
func (t Target) write(name, text string, mode fs.FileMode) error {
	if err := t.Root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("make the folder of /%s: %w", name, err)
	}
	temporary := name + ".quarry"
	if err := t.Root.WriteFile(temporary, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write /%s: %w", name, err)
	}
	if err := t.Root.Chmod(temporary, mode); err != nil { // whatever the umask
		return fmt.Errorf("write /%s: %w", name, err)
	}
	return t.Root.Rename(temporary, name)
}

// edit changes a text file and keeps its owner and mode.
func (t Target) edit(name string, change func(string) (string, error)) error {
	before, err := t.Root.ReadFile(name)
	if err != nil {
		return err
	}
	info, err := t.Root.Stat(name)
	if err != nil {
		return err
	}
	after, err := change(string(before))
	if err != nil {
		return fmt.Errorf("change /%s: %w", name, err)
	}
	if after == string(before) {
		return nil
	}
	if err := t.write(name, after, info.Mode().Perm()); err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return t.Root.Lchown(name, int(st.Uid), int(st.Gid))
	}
	return nil
}

// link makes name a symbolic link, whatever it was.
func (t Target) link(to, name string) error {
	if err := t.Root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := t.Root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return t.Root.Symlink(to, name)
}

// atLeast reports whether the release is r or a later one; a release that is no number is a late one.
func (t Target) atLeast(r int) bool {
	major, _, _ := strings.Cut(t.Release, ".")
	n, err := strconv.Atoi(major)
	return err != nil || n >= r
}

// setting replaces "KEY=..." lines in a shell-like file, or adds one at the end.
func setting(text, key, value string) string {
	line := key + "=" + value
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	found := false
	for i, l := range lines {
		if strings.HasPrefix(l, key+"=") {
			lines[i], found = line, true
		}
	}
	if !found {
		if text == "" {
			lines = nil
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n") + "\n"
}
