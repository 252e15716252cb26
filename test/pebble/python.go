package pebble

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/internal/command"
)

// python is the interpreter that compiles: the host's own one, which comes from the same archive as the packages.
const python = "/usr/bin/python3"

// compilePython adds byte code for the package's Python modules. Under emulation this saves the first run of dnf or cloud-init
// five to seventeen seconds. The byte code is not checked against its source's time stamp, so that it survives any way of copying.
func compilePython(ctx context.Context, all files) error {
	dir, err := os.MkdirTemp("", "pebble-python-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	n := 0
	for p, f := range all {
		if !f.is(typeFile) || path.Ext(p) != ".py" || !isModule(p) {
			continue
		}
		n++
		name := filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Body, 0o600); err != nil {
			return err
		}
	}
	if n == 0 {
		return nil
	}
	// A module that does not compile (tests of syntax errors are shipped by some) has no byte code, as everywhere else.
	err = command.Run(ctx, command.Cmd{Args: []string{python, "-I", "-m", "compileall", "-q", "-j", "1",
		"--invalidation-mode", "unchecked-hash", "-s", dir, "-p", "/", dir}})
	if err != nil && ctx.Err() != nil {
		return err
	}
	compiled := 0
	err = filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(name) != ".pyc" {
			return err
		}
		body, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		compiled++
		all.add(file{Path: strings.TrimPrefix(name, dir), Mode: typeFile | 0o644, Body: body, MTime: epoch})
		return nil
	})
	if err == nil && compiled == 0 {
		err = fmt.Errorf("%s made byte code of none of %d modules", python, n)
	}
	return err
}

// isModule reports whether Python imports p from where it is installed.
func isModule(p string) bool {
	return strings.HasPrefix(p, "/usr/lib/python3") && !strings.Contains(p, "/test/") && !strings.Contains(p, "/tests/")
}
