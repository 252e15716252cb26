package packages

import (
	"bufio"
	"bytes"
	"context"
	_ "embed" // install.py
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/command"
)

//go:embed install.py
var installer string

// installRequest is what install.py reads.
type installRequest struct {
	Root         string            `json:"root"`
	Payload      string            `json:"payload"`
	Repositories []string          `json:"repositories"`
	Cache        string            `json:"cache"`
	Log          string            `json:"log"`
	Macros       map[string]string `json:"macros"`
	Spec         wire.PackageSpec  `json:"spec"`
}

// installMessage is one line of what it writes; one of the fields is set.
type installMessage struct {
	Warning  string   `json:"warning"`
	Error    string   `json:"error"`
	Done     int64    `json:"done"`
	Total    int64    `json:"total"`
	Package  string   `json:"package"`
	Packages []string `json:"packages"`
}

// request is pure: what install.py is asked for.
func request(env Env, spec wire.PackageSpec, repositories []string) installRequest {
	return installRequest{
		Root: env.Root, Payload: env.Repo, Repositories: repositories, Cache: env.Cache, Log: env.Log,
		Macros: macros(spec), Spec: spec,
	}
}

// macros sets what rpm takes from the system it runs on and that would be another one's there: Debian's database is in the user's home folder.
// They hold for this transaction only; what the kickstart wants to keep is written by the configuration.
func macros(spec wire.PackageSpec) map[string]string {
	m := map[string]string{
		"_dbpath":     "/var/lib/rpm",
		"_db_backend": "sqlite",
		"_tmppath":    "/var/tmp",
		// Plugins of the host's rpm (selinux, systemd_inhibit, audit) are about the host.
		"__plugindir": "/nonexistent",
		// The kernel's file systems are mounted and can't be given to anyone.
		"_netsharedpath": "/proc:/sys",
	}
	if major, err := strconv.Atoi(strings.SplitN(spec.Release, ".", 2)[0]); err == nil && major >= 10 {
		m["_dbpath"] = "/usr/lib/sysimage/rpm"
	}
	if spec.ExcludeDocs {
		m["_excludedocs"] = "1"
	}
	if spec.Languages != nil {
		m["_install_langs"] = strings.Join(spec.Languages, ":")
		if len(spec.Languages) == 0 {
			m["_install_langs"] = "%{nil}"
		}
	}
	return m
}

// ErrNoDNF is a system without dnf's Python library.
var ErrNoDNF = errors.New("no Python here has dnf's library: install python3-dnf")

// findPython finds the interpreter that dnf's library belongs to: the system's own, never one that happens to come first in PATH.
func findPython(ctx context.Context) (string, error) {
	for _, program := range []string{"/usr/libexec/platform-python", "/usr/bin/python3"} {
		if _, err := os.Stat(program); err != nil {
			continue
		}
		if err := command.Run(ctx, command.Cmd{Args: []string{program, "-I", "-c", "import dnf, rpm"}}); err == nil {
			return program, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
	}
	return "", ErrNoDNF
}

// runDNF runs install.py and returns the lines of the packages that are installed.
func runDNF(ctx context.Context, env Env, req installRequest) ([]string, error) {
	python := env.Python
	if python == "" {
		var err error
		if python, err = findPython(ctx); err != nil {
			return nil, err
		}
	}
	input, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	logFile, err := os.Create(filepath.Join(env.Log, "packages.log"))
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	out := &messages{env: env}
	err = command.Run(ctx, command.Cmd{
		Args: []string{python, "-I", "-c", installer}, Dir: "/",
		Env:   []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8", "TMPDIR=/tmp"},
		Stdin: bytes.NewReader(input), Stdout: out, Stderr: logFile,
	})
	var failed *command.Error
	if errors.As(err, &failed) {
		failed.Args = []string{python, "install.py"} // not the whole program
	}
	switch {
	case out.failure != "":
		return nil, errors.New(out.failure)
	case err != nil:
		return nil, err
	case out.err != nil:
		return nil, out.err
	case out.packages == nil:
		return nil, errors.New("dnf ended without saying what it installed")
	}
	return out.packages, nil
}

// messages reads what install.py writes, as it comes.
type messages struct {
	env      Env
	rest     []byte
	failure  string
	packages []string
	err      error // the first line that is no message
}

func (m *messages) Write(p []byte) (int, error) {
	m.rest = append(m.rest, p...)
	for {
		advance, line, _ := bufio.ScanLines(m.rest, false)
		if advance == 0 {
			break
		}
		m.take(line)
		m.rest = m.rest[advance:]
	}
	if len(m.rest) > wire.MaxLine {
		return 0, fmt.Errorf("install.py wrote a line of more than %d bytes", wire.MaxLine)
	}
	return len(p), nil
}

func (m *messages) take(line []byte) {
	var msg installMessage
	if err := json.Unmarshal(line, &msg); err != nil {
		if m.err == nil {
			m.err = fmt.Errorf("install.py wrote %q: %w", line[:min(len(line), 200)], err)
		}
		return
	}
	switch {
	case msg.Error != "":
		m.failure = msg.Error
	case msg.Warning != "":
		m.env.warn(msg.Warning)
	case msg.Packages != nil:
		m.packages = msg.Packages
	case msg.Total > 0:
		m.env.report(wire.Event{Kind: wire.EventProgress, Message: msg.Package, Done: msg.Done, Total: msg.Total, Unit: "packages"})
	}
}
