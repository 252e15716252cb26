package main

import (
	"bytes"
	"debug/elf"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/test/shared"
)

// Every architecture's agent is in quarry, and is a program of that architecture which needs no library.
func TestAgents(t *testing.T) {
	dir := t.TempDir()
	for _, a := range arch.All() {
		t.Run(a.Name, func(t *testing.T) {
			agent, err := agentIn(dir)(a)
			if err != nil {
				shared.Missing(t, "%v", err)
			}
			program, err := elf.Open(agent.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer program.Close()
			if program.Machine != a.ELF.Machine || program.ByteOrder.String() != a.ELF.Order().String() {
				t.Errorf("the agent is for %s, %s", program.Machine, program.ByteOrder)
			}
			if libraries, err := program.ImportedLibraries(); err == nil && len(libraries) > 0 {
				t.Errorf("the agent needs %v", libraries)
			}
			again, err := agentIn(dir)(a)
			if err != nil || again != agent {
				t.Errorf("asked again: %+v, %v", again, err)
			}
		})
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > len(arch.All()) {
		t.Errorf("%v, %v", left, err)
	}
}

func TestAgentThatIsNotThere(t *testing.T) {
	a, err := arch.Lookup("s390x")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"agents/quarry-agent-amd64.gz": {}, "agents/quarry-agent-arm64.gz": {}}
	if _, err := agentOf(files, a); err == nil || !strings.Contains(err.Error(), "s390x (it has: amd64, arm64)") {
		t.Errorf("got %v", err)
	}
	files["agents/quarry-agent-s390x.gz"] = &fstest.MapFile{Data: bytes.Repeat([]byte("no archive "), 10)}
	if _, err := agentOf(files, a); err == nil || !strings.Contains(err.Error(), "unpacking the agent for s390x") {
		t.Errorf("got %v", err)
	}
}
