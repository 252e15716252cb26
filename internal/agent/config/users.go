package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// accountName is what shadow-utils accepts as the name of a user or group.
var accountName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$`)

// users makes groups, users, passwords and SSH keys.
func users(ctx context.Context, t Target, c wire.Config) error {
	for _, g := range c.Groups {
		if err := t.group(ctx, g); err != nil {
			return err
		}
	}
	for _, u := range c.Users {
		if err := t.user(ctx, u); err != nil {
			return err
		}
	}
	if c.Root != nil {
		if err := t.password(ctx, "root", *c.Root); err != nil {
			return err
		}
		if c.Root.AllowSSH {
			if err := t.write("etc/ssh/sshd_config.d/01-permitrootlogin.conf", "PermitRootLogin yes\n", 0o600); err != nil {
				return err
			}
		}
	}
	for _, k := range c.SSHKeys {
		if err := t.sshKey(k); err != nil {
			return fmt.Errorf("sshkey --username=%s: %w", k.User, err)
		}
	}
	return nil
}

func (t Target) group(ctx context.Context, g wire.Group) error {
	if !accountName.MatchString(g.Name) {
		return fmt.Errorf("%q is no name of a group", g.Name)
	}
	if _, there := t.account("etc/group", g.Name); there {
		return nil
	}
	args := []string{"groupadd"}
	if g.GID != nil {
		args = append(args, "--gid", strconv.Itoa(*g.GID))
	}
	return t.Tools.Run(ctx, append(args, g.Name)...)
}

// groupWithID is a group of user --groups: "name" or "name(GID)".
var groupWithID = regexp.MustCompile(`^(.*)\((\d+)\)$`)

func (t Target) user(ctx context.Context, u wire.User) error {
	if !accountName.MatchString(u.Name) {
		return fmt.Errorf("%q is no name of a user", u.Name)
	}
	if _, there := t.account("etc/passwd", u.Name); there {
		t.Warn("user --name=" + u.Name + ": the packages have made this user; only its password is set")
		return t.password(ctx, u.Name, u.Password)
	}
	var groups []string
	for _, name := range u.Groups {
		g := wire.Group{Name: name}
		if m := groupWithID.FindStringSubmatch(name); m != nil {
			if id, err := strconv.Atoi(m[2]); err == nil {
				g = wire.Group{Name: m[1], GID: &id}
			}
		}
		if err := t.group(ctx, g); err != nil {
			return err
		}
		groups = append(groups, g.Name)
	}
	args := []string{"useradd", "--create-home"}
	if u.GID != nil {
		if err := t.group(ctx, wire.Group{Name: u.Name, GID: u.GID}); err != nil {
			return err
		}
		args = append(args, "--gid", strconv.Itoa(*u.GID))
	} else {
		args = append(args, "--user-group")
	}
	if u.UID != nil {
		args = append(args, "--uid", strconv.Itoa(*u.UID))
	}
	for _, option := range [][2]string{{"--groups", strings.Join(groups, ",")}, {"--comment", u.GECOS}, {"--home-dir", u.Home}, {"--shell", u.Shell}} {
		if option[1] != "" {
			args = append(args, option[0], option[1])
		}
	}
	if err := t.Tools.Run(ctx, append(args, u.Name)...); err != nil {
		return err
	}
	return t.password(ctx, u.Name, u.Password)
}

// password sets a password. What is crypted already goes to /etc/shadow as it is. The day of the last change is cleared: it would be the
// day of the build, and expire passwords from then on.
func (t Target) password(ctx context.Context, name string, p wire.Password) error {
	if strings.ContainsAny(p.Value, ":\n") {
		return fmt.Errorf("the password of %s holds a colon or a newline", name)
	}
	plain := !p.Crypted && p.Value != ""
	if plain {
		if err := t.Tools.Feed(ctx, name+":"+p.Value+"\n", "chpasswd", "--crypt-method", "SHA512"); err != nil {
			return fmt.Errorf("set the password of %s: %w", name, err)
		}
	}
	return t.edit("etc/shadow", func(text string) (string, error) {
		return changeShadow(text, name, func(present string) string {
			if p.Crypted {
				present = p.Value
			}
			if p.Locked && !strings.HasPrefix(present, "!") {
				present = "!" + strings.TrimLeft(present, "*")
			}
			return present
		})
	})
}

// changeShadow changes the password field of one user in shadow(5)'s text and clears the day of its last change.
func changeShadow(text, name string, change func(string) string) (string, error) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		fields := strings.Split(line, ":")
		if fields[0] != name || len(fields) < 3 {
			continue
		}
		fields[1], fields[2] = change(fields[1]), ""
		lines[i] = strings.Join(fields, ":")
		return strings.Join(lines, "\n"), nil
	}
	return "", fmt.Errorf("there is no user %s", name)
}

// account returns the fields of an entry of passwd or group.
func (t Target) account(file, name string) ([]string, bool) {
	text, err := t.Root.ReadFile(file)
	if err != nil {
		return nil, false
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); fields[0] == name {
			return fields, true
		}
	}
	return nil, false
}

// sshKey adds a key to a user's authorized_keys.
func (t Target) sshKey(k wire.SSHKey) error {
	fields, there := t.account("etc/passwd", k.User)
	if !there || len(fields) < 7 {
		return fmt.Errorf("there is no such user")
	}
	uid, err := strconv.Atoi(fields[2])
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(fields[3])
	if err != nil {
		return err
	}
	dir := path.Join(strings.TrimLeft(path.Clean("/"+fields[5]), "/"), ".ssh")
	file := path.Join(dir, "authorized_keys")
	if err := t.Root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	present, err := t.Root.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := string(present)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if err := t.write(file, text+strings.TrimSpace(k.Key)+"\n", 0o600); err != nil {
		return err
	}
	if err := t.Root.Chmod(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(t.Root.Lchown(dir, uid, gid), t.Root.Lchown(file, uid, gid))
}
