package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
)

// podmanFailed is the exit code of podman itself, as opposed to one of the container.
const podmanFailed = 125

// errNoPodman is a host on which no container can be run: a machine has to do.
var errNoPodman = errors.New("no container can be run on this host")

// podman runs containers as this user, from a storage of its own that goes when it is done.
type podman struct {
	program string
	dir     string // of the storage
	state   string // of what runs; podman wants its path short
	version string // "podman 4.3.1"
}

// newPodman finds the program. dir exists and is empty; remove takes it away.
func newPodman(ctx context.Context, program string, a arch.Arch, dir string) (podman, error) {
	host, ok := arch.Host()
	if !ok || host.Name != a.Name {
		return podman{}, fmt.Errorf("%w: it is no %s", errNoPodman, a.Name)
	}
	program, err := exec.LookPath(program)
	if err != nil {
		return podman{}, fmt.Errorf("%w: there is no podman", errNoPodman)
	}
	out, err := command.Output(ctx, command.Cmd{Args: []string{program, "--version"}})
	if err != nil {
		return podman{}, fmt.Errorf("%w: %w", errNoPodman, err)
	}
	state, err := os.MkdirTemp("", "quarry-")
	return podman{program: program, dir: dir, state: state, version: strings.Replace(printable(string(out)), " version", "", 1)}, err
}

// args is a call of podman that leaves alone what else this user has in containers.
func (p podman) args(more ...string) []string {
	return append([]string{
		p.program, "--root", filepath.Join(p.dir, "root"), "--runroot", filepath.Join(p.state, "run"), "--tmpdir", filepath.Join(p.state, "tmp"),
		"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
	}, more...)
}

// take gives podman an OCI archive or the tar of a root file system, and returns its name for it.
func (p podman) take(ctx context.Context, file string, archive bool) (string, error) {
	args := p.args("import", "--quiet", file)
	if archive {
		args = p.args("load", "--quiet", "--input", file)
	}
	out, err := command.Output(ctx, command.Cmd{Args: args, Dir: "/"})
	if err != nil {
		return "", err
	}
	// "sha256:…", or "Loaded image: localhost/name:tag".
	words := strings.Fields(string(out))
	if len(words) == 0 {
		return "", errors.New("podman took the image and didn't name it")
	}
	return words[len(words)-1], nil
}

// run runs a script in a new container of the image. An error is podman's, not the script's.
func (p podman) run(ctx context.Context, image, script string) (answer, error) {
	var out, stderr bounded
	err := command.Run(ctx, command.Cmd{
		Args: p.args("run", "--rm", "--pull", "never", "--network", "none", image, "/bin/bash", "-c", script), Dir: "/", Stdout: &out, Stderr: &stderr,
	})
	a := answer{out: out.String(), stderr: stderr.String()}
	var failed *command.Error
	switch {
	case ctx.Err() != nil:
		return a, context.Cause(ctx)
	case errors.As(err, &failed) && failed.ExitCode > 0 && failed.ExitCode != podmanFailed:
		a.code = failed.ExitCode
	case err != nil:
		return a, err
	}
	return a, nil
}

// remove takes the storage away, whose files belong to subordinate ids.
func (p podman) remove(ctx context.Context) {
	_ = command.Run(ctx, command.Cmd{Args: p.args("unshare", "rm", "-rf", p.dir), Dir: "/"}) // what stays is told by who removes the folder above
	_ = os.RemoveAll(p.state)
}

// inPodman looks at a root file system in containers. It is an errNoPodman where the host can't run any.
func (v verifier) inPodman(ctx context.Context, s setup, tar, work string, probes []probe) (Boot, error) {
	dir := filepath.Join(work, "podman")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return Boot{}, err
	}
	p, err := newPodman(ctx, v.podman, s.arch, dir)
	if err != nil {
		return Boot{}, err
	}
	defer p.remove(context.WithoutCancel(ctx))
	b := Boot{Method: Container, By: p.version, NotSeen: "its init and services did not run"}
	started := time.Now()
	file, archive := tar, s.subject.Format == "oci.tar"
	if archive {
		file = s.path
	}
	image, err := p.take(ctx, file, archive)
	if err == nil {
		_, err = p.run(ctx, image, "exit 0")
	}
	if ctx.Err() != nil {
		return b, context.Cause(ctx)
	}
	if err != nil {
		return b, fmt.Errorf("%w: %w", errNoPodman, err)
	}
	for n, probe := range probes {
		if probe.command.Outside {
			continue // there is no outside: podman mounts over what would be looked at
		}
		a, err := p.run(ctx, image, probe.command.Script)
		if err != nil {
			return b, err
		}
		passed, detail := probe.judge(a)
		b.Checks = append(b.Checks, Check{Name: probe.name, Passed: passed, Detail: detail})
		s.told(probe.name, passed, detail, n+1, len(probes))
	}
	b.Seconds, b.Passed = seconds(started), allPassed(b.Checks)
	return b, nil
}
