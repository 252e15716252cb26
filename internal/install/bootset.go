package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/quarry-project/quarry/internal/agent/bootset"
	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/sandbox"
	"github.com/quarry-project/quarry/internal/vm"
)

// BootSpec is what a medium's boot files are made from.
type BootSpec struct {
	Tree   artifact.Tree // squashfs
	Want   wire.BootSpec
	Method Method
	Dir    string // existing folder that gets the files
	LogDir string // existing folder that gets logs
	// The rest is for the machine only.
	Inputs    resolve.Inputs
	Agent     string // the agent's program for the tree's architecture
	Accel     vm.Accel
	Release   string // major release: chooses the emulated CPU
	Deadlines vm.Deadlines
}

// BootSet is what starts a medium.
type BootSet struct {
	Kernel  string                   `json:"kernel"` // its version
	Files   map[string]artifact.File `json:"files"`  // by wire.BootFile's name, "NAME/FILE" for those of a folder
	Missing []string                 `json:"missing,omitempty"`
}

// The names of what every boot set has.
const (
	BootKernel = wire.BootKernel
	BootInitrd = "initrd.img" // compressed with xz, as livemedia-creator has it
)

// MakeBootSet makes the initramfs of a medium and collects its boot loaders' files from a tree of packages. The tree's own programs do that: in a sandbox,
// or in a machine. Errors are those of Tree.
func MakeBootSet(ctx context.Context, s BootSpec, report progress.Func) (BootSet, error) {
	a, err := arch.Lookup(s.Tree.Arch)
	if err != nil {
		return BootSet{}, err
	}
	support := sandbox.Ability{}
	if s.Method != Machine {
		support = sandbox.Probe(ctx, a)
	}
	method, _, err := choose(s.Method, a, support)
	if err != nil {
		return BootSet{}, err
	}
	collect := s.bootSetInSandbox
	if method == Machine {
		collect = s.bootSetInMachine
	}
	out := filepath.Join(s.Dir, "boot")
	result, err := collect(ctx, a, out, report)
	if err != nil {
		return BootSet{}, err
	}
	if err := checkBootFiles(out, result.Files); err != nil {
		return BootSet{}, err
	}
	err = report.Phase(ctx, "compress", func(ctx context.Context) error {
		return compressInitrd(ctx, filepath.Join(out, wire.BootInitrd), filepath.Join(out, BootInitrd))
	})
	if err != nil {
		return BootSet{}, err
	}
	set := BootSet{Kernel: wire.Clean(result.Kernel), Files: map[string]artifact.File{}}
	for _, name := range result.Missing {
		set.Missing = append(set.Missing, wire.Clean(name))
		report.Log("the packages bring no " + wire.Clean(name) + ": the medium goes without")
	}
	names := slices.DeleteFunc(slices.Clone(result.Files), func(n string) bool { return n == wire.BootInitrd })
	for _, name := range append(names, BootInitrd) {
		f := artifact.File{Path: filepath.Join(out, name)}
		if f.Digest, f.Size, err = digest.File(f.Path); err != nil {
			return BootSet{}, err
		}
		set.Files[name] = f
	}
	return set, nil
}

// checkBootFiles sees that a folder which foreign programs could write to has these files and that they are files: what a link leads to on the host
// would be published.
func checkBootFiles(dir string, names []string) (err error) {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return errors.Join(fmt.Errorf("the boot files are in no folder %s", dir), err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, name := range append([]string{wire.BootInitrd}, names...) {
		if !bootset.ValidName(name) {
			return fmt.Errorf("%q is no name of a boot file", wire.Clean(name))
		}
		for _, part := range []string{filepath.Dir(name), name} {
			info, err := root.Lstat(part)
			if err != nil || part == name && !info.Mode().IsRegular() || part != name && !info.IsDir() {
				return errors.Join(fmt.Errorf("the boot file %s is no file of its own", name), err)
			}
		}
	}
	return nil
}

// compressInitrd compresses natively what the tree's dracut has put together, with dracut's own options, which every kernel can read.
func compressInitrd(ctx context.Context, from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	threads := max(2, runtime.NumCPU()) // one thread makes other bytes than many
	args := []string{"xz", "--stdout", "--check=crc32", "--lzma2=dict=1MiB", "--threads=" + strconv.Itoa(threads)}
	if err := command.Run(ctx, command.Cmd{Args: args, Stdin: in, Stdout: out}); err != nil {
		return fmt.Errorf("compressing the initramfs: %w", err)
	}
	return os.Remove(from)
}

// bootSetInSandbox works in a folder beside the result, and leaves nothing of it behind.
func (s BootSpec) bootSetInSandbox(ctx context.Context, a arch.Arch, out string, report progress.Func) (result wire.BootResult, err error) {
	work := filepath.Join(s.Dir, "work")
	end, err := workFolder(ctx, work)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, end()) }()
	err = inSandbox(ctx, sandbox.Spec{
		Function: bootFunction, Input: s.Want, Interpreters: []string{a.Name},
		Binds: []sandbox.Bind{{Source: work, Target: insideWork}, {Source: s.Tree.Path, Target: insideTree, ReadOnly: true}},
	}, &result, report)
	if err != nil {
		return result, fmt.Errorf("making the boot files in the sandbox: %w", err)
	}
	return result, os.Rename(filepath.Join(work, bootName), out)
}

// bootPhase is the phase in which the tree's programs run.
const bootPhase = "bootset"

// bootSetInside is what runs in the sandbox, as its root.
func bootSetInside(ctx context.Context, input json.RawMessage) (any, error) {
	var want wire.BootSpec
	if err := json.Unmarshal(input, &want); err != nil {
		return nil, err
	}
	tell := teller()
	env := bootset.Env{
		Root: filepath.Join(insideWork, "root"), Out: filepath.Join(insideWork, bootName),
		Log: func(line string) { tell(wire.Event{Kind: wire.EventLog, Phase: bootPhase, Message: line}) },
	}
	err := phase(tell, "unpack", func() error {
		return command.Run(ctx, command.Cmd{Args: []string{"unsquashfs", "-quiet", "-no-progress", "-no-xattrs", "-dest", env.Root, insideTree}})
	})
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(env.Out, 0o755); err != nil {
		return nil, err
	}
	var result wire.BootResult
	err = phase(tell, bootPhase, func() (err error) {
		result, err = bootset.Make(ctx, env, want)
		return err
	})
	return result, err
}
