package install

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/agent/wire"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/nevra"
	"github.com/quarry-project/quarry/internal/resolve"
	"github.com/quarry-project/quarry/internal/sandbox"
)

func TestMain(m *testing.M) {
	functions := SandboxFunctions()
	functions["test.look"], functions["test.litter"] = look, litter
	sandbox.Enter(functions)
	os.Exit(m.Run())
}

const comps = `<?xml version="1.0" encoding="UTF-8"?>
<comps><group><id>core</id><name>Core</name><description/><default>false</default><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">basis</packagereq><packagereq type="mandatory">tools</packagereq>
<packagereq type="default">member</packagereq><packagereq type="optional">extra</packagereq></packagelist></group></comps>
`

// fixture is a Lock of small packages for one architecture, everything fetched.
func fixture(t *testing.T, a arch.Arch, more ...string) (resolve.Lock, resolve.Inputs) {
	t.Helper()
	dir := t.TempDir()
	shell, top := filepath.Join(dir, "sh"), filepath.Join(dir, "build")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", shell, "./testdata/sh")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+a.Go)
	output(t, build)
	output(t, exec.Command("rpmbuild", "-bb", "--quiet", "--target", a.Name, "--define", "_topdir "+top, "--define", "shell "+shell,
		"--define", "_dbpath "+filepath.Join(dir, "db"), "testdata/packages.spec"))
	lock := resolve.Lock{
		Repositories: []resolve.Repository{{ID: "main", Comps: &resolve.File{Path: "repodata/comps.xml"}}, {ID: "more"}},
		Request:      wire.PackageSpec{Release: "9.6", Arch: a.Name, Install: []string{"@core"}, ExcludeDocs: true, Languages: []string{"en"}},
	}
	inputs := resolve.Inputs{RPMs: map[string]artifact.File{}, Comps: map[string]artifact.File{"main": put(t, dir, []byte(comps))}}
	for _, name := range append([]string{"basis", "tools", "library", "weakling", "member", "extra"}, more...) {
		p := resolve.Package{NEVRA: nevra.NEVRA{Name: name, Epoch: "0", Version: "1.0", Release: "1", Arch: a.Name}, Repo: "main"}
		switch name {
		case "basis":
			p.Epoch = "2"
		case "library":
			p.Arch, p.Repo = "noarch", "more"
		}
		data, err := os.ReadFile(filepath.Join(top, "RPMS", p.Arch, fileName(p)))
		if err != nil {
			t.Fatal(err)
		}
		inputs.RPMs[p.Key()] = put(t, dir, data)
		if name == "extra" {
			lock.Available = append(lock.Available, p)
			continue
		}
		lock.Packages = append(lock.Packages, p)
		lock.Request.Expected = append(lock.Request.Expected, p.Key())
	}
	return lock, inputs
}

// put stores data as the store would: under its digest.
func put(t *testing.T, dir string, data []byte) artifact.File {
	t.Helper()
	d := digest.Bytes(data)
	path := filepath.Join(dir, d.Hex())
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return artifact.File{Path: path, Size: int64(len(data)), Digest: d}
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", cmd.Args, err, out)
	}
	return string(out)
}

// litter leaves a folder of another user's in the work folder.
func litter(context.Context, json.RawMessage) (any, error) {
	const dir = insideWork + "/root/etc"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		return nil, err
	}
	return nil, os.Chown(dir, 990, 990)
}

// sight is what look sees of a file.
type sight struct {
	Mode, UID, GID uint32
	Inode          uint64
	Link           string
	Capability     []byte
	Text           string
}

// looking is what look gets: a tree and what to run on it.
type looking struct {
	Commands [][]string
}

// looked is what it returns.
type looked struct {
	Files   map[string]sight
	Outputs []string
}

// look unpacks /data/tree.squashfs as root of the sandbox and says what is in it.
func look(ctx context.Context, input json.RawMessage) (any, error) {
	var in looking
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "unsquashfs", "-no-progress", "-d", "/tmp/tree", "/data/tree.squashfs").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	result := looked{Files: map[string]sight{}}
	err := filepath.WalkDir("/tmp/tree", func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		s := sight{Mode: stat.Mode, UID: stat.Uid, GID: stat.Gid, Inode: stat.Ino}
		s.Link, _ = os.Readlink(path)
		capability := make([]byte, 64)
		if n, err := unix.Lgetxattr(path, "security.capability", capability); err == nil {
			s.Capability = capability[:n]
		}
		if info.Mode().IsRegular() && info.Size() < 1000 {
			text, _ := os.ReadFile(path)
			s.Text = string(text)
		}
		result.Files[strings.TrimPrefix(path, "/tmp/tree")] = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	// The host's dnf and rpm have to know where the tree's database is.
	if err := os.WriteFile("/tmp/.rpmmacros", []byte("%_dbpath /var/lib/rpm\n"), 0o644); err != nil {
		return nil, err
	}
	if err := os.Setenv("HOME", "/tmp"); err != nil {
		return nil, err
	}
	for _, args := range in.Commands {
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		if err != nil {
			out = fmt.Appendf(out, "\n%v", err)
		}
		result.Outputs = append(result.Outputs, string(out))
	}
	return result, nil
}

func lookAt(t *testing.T, tree artifact.Tree, payload PayloadFiles, commands ...[]string) looked {
	t.Helper()
	var result looked
	err := sandbox.Run(t.Context(), sandbox.Spec{
		Function: "test.look", Input: looking{commands}, Binds: []sandbox.Bind{
			{Source: filepath.Dir(tree.Path), Target: "/data", ReadOnly: true}, {Source: payload.Dir, Target: "/payload", ReadOnly: true},
		},
	}, &result)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
