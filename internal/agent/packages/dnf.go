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
	"regexp"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/command"
)

//go:embed install.py
var installer string

// installRequest is what install.py reads.
type installRequest struct {
	Root         string           `json:"root"`
	Payload      string           `json:"payload"`
	Repositories []string         `json:"repositories"`
	Cache        string           `json:"cache"`
	Log          string           `json:"log"`
	Spec         wire.PackageSpec `json:"spec"`
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

// language is what a locale's name is made of; rpm would expand anything else as a macro.
var language = regexp.MustCompile(`^[A-Za-z0-9_.@-]+$`)

// request is pure: what install.py is asked for.
func request(env Env, spec wire.PackageSpec, repositories []string) (installRequest, error) {
	for _, l := range spec.Languages {
		if !language.MatchString(l) {
			return installRequest{}, fmt.Errorf("%q is no language: want a name such as en_US", l)
		}
	}
	return installRequest{
		Root: env.Root, Payload: env.Repo, Repositories: repositories, Cache: env.Cache, Log: env.Log, Spec: spec,
	}, nil
}

// macros is the .rpmmacros file for the transaction. It sets what rpm would take from the system it runs on, and what is another one's there:
// Debian's database is in the user's home folder. What the kickstart wants to keep is written by the configuration.
func macros(spec wire.PackageSpec) string {
	set := [][2]string{
		{"_dbpath", "/var/lib/rpm"},
		{"_db_backend", "sqlite"},
		{"_tmppath", "/var/tmp"},
		// Plugins of the host's rpm (selinux, systemd_inhibit, audit) are about the host.
		{"__plugindir", "/nonexistent"},
		// The kernel's file systems are mounted and can't be given to anyone.
		{"_netsharedpath", "/proc:/sys"},
	}
	if major, err := strconv.Atoi(strings.SplitN(spec.Release, ".", 2)[0]); err == nil && major >= 10 {
		set[0][1] = "/usr/lib/sysimage/rpm"
	}
	if spec.ExcludeDocs {
		set = append(set, [2]string{"_excludedocs", "1"})
	}
	if spec.Languages != nil {
		value := strings.Join(spec.Languages, ":")
		if value == "" {
			value = "%{nil}"
		}
		set = append(set, [2]string{"_install_langs", value})
	}
	var text strings.Builder
	for _, m := range set {
		fmt.Fprintf(&text, "%%%s %s\n", m[0], m[1])
	}
	return text.String()
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
	// rpm reads its configuration anew whenever dnf's library asks about architectures: only a file lasts.
	home := filepath.Join(env.Cache, "home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(home, ".rpmmacros"), []byte(macros(req.Spec)), 0o644); err != nil {
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
		Env:   []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "LANG=C.UTF-8", "TMPDIR=/tmp"},
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
