package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/boot"
	"github.com/quarry-project/quarry/internal/agent/bootloader"
	"github.com/quarry-project/quarry/internal/agent/wire"
)

// finish ends a disk: its files, its boot loaders, and letting it go.
func (i *installation) finish(ctx context.Context) (wire.Result, error) {
	packages, err := i.tidy(ctx, true)
	if err != nil {
		return wire.Result{}, err
	}
	loaders, err := bootloader.Installed(i.bootTarget())
	if err != nil {
		return wire.Result{}, err
	}
	if err := i.release(); err != nil {
		return wire.Result{}, err
	}
	return wire.Result{Packages: packages, BIOS: loaders.BIOS, UEFI: loaders.UEFI, PReP: loaders.PReP, ZIPL: loaders.ZIPL}, nil
}

// tidy ends the files of any image: it takes away what must not be in one, labels them if that is wanted, and lists the packages.
func (i *installation) tidy(ctx context.Context, labels bool) ([]string, error) {
	if err := i.clean(); err != nil {
		return nil, err
	}
	if labels {
		if err := i.label(ctx); err != nil {
			return nil, err
		}
	}
	return i.manifest(ctx)
}

// clean removes what a build leaves behind: host keys, which every machine has to make for itself, and temporary files.
func (i *installation) clean() error {
	for _, pattern := range []string{"etc/ssh/ssh_host_*", "tmp/ks-script-*", "var/tmp/dnf-*", "tmp/dnf*"} {
		names, err := fs.Glob(i.root.FS(), pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := i.root.RemoveAll(name); err != nil {
				return fmt.Errorf("remove /%s: %w", name, err)
			}
			i.report.Logf("removed /%s", name)
		}
	}
	return nil
}

// label gives every file its SELinux label by the installed policy. The machine's own kernel has SELinux off, which doesn't keep labels
// from being written.
func (i *installation) label(ctx context.Context) error {
	policy, ok := i.policy()
	if !ok || !i.inside.Has("setfiles") {
		i.report.Log("selinux: there is no policy or no setfiles in the system, so files have no labels")
		return nil
	}
	args := []string{"setfiles", "-F"}
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run"} {
		args = append(args, "-e", dir)
	}
	if err := i.inside.Run(ctx, append(args, path.Join("/etc/selinux", policy, "contexts/files/file_contexts"), "/")...); err != nil {
		return fmt.Errorf("label the files for SELinux: %w", err)
	}
	return nil
}

// policy returns the SELinux policy that the system is set to, if it is installed and not switched off.
func (i *installation) policy() (string, bool) {
	text, err := i.root.ReadFile("etc/selinux/config")
	if err != nil {
		return "", false
	}
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[key] = value
		}
	}
	name := path.Base(values["SELINUXTYPE"])
	_, err = i.root.Stat(path.Join("etc/selinux", name, "contexts/files/file_contexts"))
	return name, err == nil && values["SELINUX"] != "disabled"
}

// manifest lists the installed packages in wire.Result's form. The system's own rpm knows its database best; a system without rpm is
// asked from outside.
func (i *installation) manifest(ctx context.Context) ([]string, error) {
	query := []string{"rpm", "-qa", "--qf", `%{NAME} %{EPOCHNUM} %{VERSION} %{RELEASE} %{ARCH} %{LONGSIZE}\n`}
	run := i.inside
	if !run.Has("rpm") {
		run, query = i.runtime, append(query, "--root", sysImage)
	}
	out, err := run.Output(ctx, query...)
	if err != nil {
		return nil, fmt.Errorf("list the installed packages: %w", err)
	}
	var packages []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "gpg-pubkey ") {
			packages = append(packages, line)
		}
	}
	slices.Sort(packages)
	return packages, nil
}

// detach ends what still uses the installed system and takes the machine's own file systems out of it.
func (i *installation) detach() error {
	return errors.Join(boot.KillOthers(), i.root.Close(), i.unbind())
}

// release ends what still uses the file systems, and unmounts them: the disk is not complete before that.
func (i *installation) release() error {
	err := i.detach()
	i.mounts.Trim(i.report.Log)
	if err := errors.Join(err, i.mounts.Unmount()); err != nil {
		return err
	}
	unix.Sync()
	return nil
}
