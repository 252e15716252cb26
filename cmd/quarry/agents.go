package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
)

// agentFiles holds the agents that the Makefile has compiled.
//
//go:embed agents
var agentFiles embed.FS //nolint:gochecknoglobals // embedding needs a variable

const agentPrefix = "quarry-agent-"

// agentIn returns the agent for an architecture as a file in dir, named by its content so that it is written once.
func agentIn(dir string) func(arch.Arch) (builders.Agent, error) {
	return func(a arch.Arch) (builders.Agent, error) {
		data, err := agentFiles.ReadFile("agents/" + agentPrefix + a.Go)
		if err != nil {
			return builders.Agent{}, fmt.Errorf("this quarry was compiled without the agent for %s (it has: %s); build it with make build AGENTS=\"amd64 %s\"", a.Name, agentList(), a.Go)
		}
		id := digest.Bytes(data)
		path := filepath.Join(dir, agentPrefix+id.Short())
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, data) {
			return builders.Agent{Path: path, ID: string(id)}, nil
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return builders.Agent{}, err
		}
		tmp, err := os.CreateTemp(dir, agentPrefix)
		if err != nil {
			return builders.Agent{}, err
		}
		defer os.Remove(tmp.Name()) // gone by then when all is well
		if _, err = tmp.Write(data); err == nil {
			err = tmp.Chmod(0o755)
		}
		if cerr := tmp.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = os.Rename(tmp.Name(), path)
		}
		return builders.Agent{Path: path, ID: string(id)}, err
	}
}

// agentList names the architectures whose agent is compiled in, as Go calls them.
func agentList() string {
	entries, err := agentFiles.ReadDir("agents")
	if err != nil {
		return "none"
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), agentPrefix); ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
