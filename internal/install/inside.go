package install

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/quarry-project/quarry/internal/agent/packages"
	"github.com/quarry-project/quarry/internal/agent/tree"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/sandbox"
)

// What runs in the sandbox, and where it finds its files there.
const (
	treeFunction   = "install.tree"
	bootFunction   = "install.bootset"
	removeFunction = "install.remove"

	insideWork    = "/quarry/work" // the root, dnf's cache and the finished squashfs; writable
	insideLog     = "/quarry/log"  // writable
	insidePayload = "/quarry/payload"
	insideTree    = "/quarry/tree"
	squashName    = "tree.squashfs"
	bootName      = "boot" // folder of a boot set
)

// SandboxFunctions are what this room runs in sandboxes: main gives them to sandbox.Enter.
func SandboxFunctions() map[string]sandbox.Function {
	return map[string]sandbox.Function{treeFunction: treeInside, bootFunction: bootSetInside, removeFunction: removeInside}
}

// treeResult is what treeInside returns.
type treeResult struct {
	Packages []artifact.Package `json:"packages"`
	Unpacked int64              `json:"unpacked"`
}

// treeInside installs the packages and packs the root, as root of the sandbox. It tells about it on standard output, as the machine
// would on its port.
func treeInside(ctx context.Context, input json.RawMessage) (any, error) {
	var spec wire.PackageSpec
	if err := json.Unmarshal(input, &spec); err != nil {
		return nil, err
	}
	env := packages.Env{
		Root: filepath.Join(insideWork, "root"), Repo: insidePayload, Cache: filepath.Join(insideWork, "cache"), Log: insideLog,
		Report: teller(),
	}
	for _, dir := range []string{env.Root, env.Cache} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	var result treeResult
	err := phase(env.Report, "packages", func() (err error) {
		result.Packages, err = tree.Install(ctx, env, spec)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = phase(env.Report, "squashfs", func() error {
		if result.Unpacked, err = tree.Size(env.Root); err != nil {
			return err
		}
		// Uncompressed: the only reader is the machine, and unpacking under emulation costs more than the space.
		return squashfs(ctx, env.Root, filepath.Join(insideWork, squashName), "-noI", "-noD", "-noF", "-noX")
	})
	return result, err
}

// teller writes events to standard output. Nothing else may write there: what a program prints must not be taken for an event.
func teller() func(wire.Event) {
	events := json.NewEncoder(os.NewFile(1, "events"))
	return func(e wire.Event) { _ = events.Encode(e) } // if nobody listens, the sandbox is about to end
}

// phase reports the beginning and the end of work as the machine does.
func phase(report func(wire.Event), name string, work func() error) error {
	report(wire.Event{Kind: wire.EventPhase, Phase: name})
	start := time.Now()
	err := work()
	if err == nil {
		report(wire.Event{Kind: wire.EventEnd, Phase: name, Seconds: time.Since(start).Seconds()})
	}
	return err
}

// removeInside empties the work folder, whoever its files belong to.
func removeInside(context.Context, json.RawMessage) (any, error) {
	entries, err := os.ReadDir(insideWork)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(insideWork, e.Name())))
	}
	return nil, errors.Join(errs...)
}
