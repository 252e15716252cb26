package main

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/durable"
)

// agentFiles holds the agents that the Makefile has compiled: agents/quarry-agent-GOARCH.gz.
//
//go:embed agents
var agentFiles embed.FS //nolint:gochecknoglobals // embedding needs a variable

const (
	agentPrefix = "agents/quarry-agent-"
	agentSuffix = ".gz"
)

// agentIn returns the agent for an architecture as a file in dir, named by its content so that it is written once.
func agentIn(dir string) func(arch.Arch) (builders.Agent, error) {
	return func(a arch.Arch) (builders.Agent, error) {
		data, err := agentOf(agentFiles, a)
		if err != nil {
			return builders.Agent{}, err
		}
		id := digest.Bytes(data)
		path := filepath.Join(dir, "quarry-agent-"+id.Short())
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, data) {
			// quarry gc asks when it was used last. Where this fails, it is only older than it could be.
			now := time.Now()
			_ = os.Chtimes(path, now, now)
			return builders.Agent{Path: path, ID: string(id)}, nil
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return builders.Agent{}, err
		}
		return builders.Agent{Path: path, ID: string(id)}, durable.WriteFile(path, data)
	}
}

// agentOf unpacks the agent for an architecture: compressed they are less than half as large in quarry.
func agentOf(files fs.FS, a arch.Arch) ([]byte, error) {
	packed, err := files.Open(agentPrefix + a.Go + agentSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this quarry was compiled without the agent for %s (it has: %s); compile it with make build", a.Name, agentList(files))
	}
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	in, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("unpacking the agent for %s: %w", a.Name, err)
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("unpacking the agent for %s: %w", a.Name, err)
	}
	return data, nil
}

// agentList names the architectures whose agent is compiled in, as Go calls them.
func agentList(files fs.FS) string {
	found, err := fs.Glob(files, agentPrefix+"*"+agentSuffix)
	if err != nil || len(found) == 0 {
		return "none"
	}
	var names []string
	for _, name := range found {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(name, agentPrefix), agentSuffix))
	}
	return strings.Join(names, ", ")
}
