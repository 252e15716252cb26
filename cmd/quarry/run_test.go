package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/matrix"
	"github.com/quarry-project/quarry/internal/ui"
	"github.com/quarry-project/quarry/kickstarts"
	"github.com/quarry-project/quarry/pipelines"
	"github.com/quarry-project/quarry/test/shared"
)

// nightly is a small distribution with two images whose kickstarts are in a git repository. What is built is a stand-in for an image, a file of
// its inputs; all before that (git, dnf, downloads, signatures) and behind it (publishing, history) is real.
type nightly struct {
	*testing.T
	repo, work, tree, mirror string
	pipelines                string
	address                  string // of the mirror; empty is its folder
}

func newNightly(t *testing.T) *nightly {
	pebble := os.Getenv("QUARRY_PEBBLE")
	if pebble == "" {
		shared.Missing(t, "no Pebble tree: set QUARRY_PEBBLE, or use make test")
	}
	n := &nightly{T: t, repo: t.TempDir(), work: t.TempDir(), tree: t.TempDir(), mirror: pebble, pipelines: t.TempDir()}
	read := func(data []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	image := read(pipelines.Files.ReadFile("pebble/9/genericcloud-base.yaml"))
	n.write(filepath.Join(n.pipelines, "pebble/9/release.yaml"), read(pipelines.Files.ReadFile("pebble/9/release.yaml")))
	ks := read(kickstarts.Files.ReadFile("pebble-9-GenericCloud-Base.ks"))
	for _, name := range []string{"One", "Two"} {
		text := strings.NewReplacer("image: GenericCloud", "image: "+name, "pebble-9-GenericCloud-Base.ks", name+".ks").Replace(image)
		n.write(filepath.Join(n.pipelines, "pebble/9", strings.ToLower(name)+".yaml"), text+"architectures: [x86_64]\n")
		n.write(filepath.Join(n.repo, name+".ks"), ks+"\n%include common.ks\n")
	}
	n.write(filepath.Join(n.repo, "common.ks"), "# common\n")
	n.git("init", "-q", "-b", "main")
	n.commit("begin")
	return n
}

func (n *nightly) write(path, text string) {
	n.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		n.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		n.Fatal(err)
	}
}

func (n *nightly) git(args ...string) {
	n.Helper()
	cmd := exec.Command("git", append([]string{"-C", n.repo, "-c", "user.name=t", "-c", "user.email=t@example.invalid"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		n.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (n *nightly) commit(message string) {
	n.Helper()
	n.git("add", "-A")
	n.git("commit", "-q", "-m", message)
}

// standIn is what the image is made from.
type standIn struct {
	Image             string
	Kickstart, Locked digest.Digest
}

type standInImage struct{ Image artifact.Image }

// Files is the image's.
func (i standInImage) Files() []artifact.File { return []artifact.File{i.Image.File} }

// Build implements builders.Builder.
func (n *nightly) Build(ctx context.Context, job builders.Job) (builders.Built, error) {
	content, err := job.Lock.Content()
	if err != nil {
		return builders.Built{}, err
	}
	step := engine.Step[standIn, standInImage]{Name: "image", Run: func(_ context.Context, in standIn, env engine.Env) (standInImage, error) {
		data, path := fmt.Appendf(nil, "%+v", in), filepath.Join(env.Dir, "image.qcow2")
		return standInImage{artifact.Image{
			File: artifact.File{Path: path, Size: int64(len(data)), Digest: digest.Bytes(data)}, Format: "qcow2", Arch: job.Plan.Arch,
		}}, os.WriteFile(path, data, 0o644)
	}}
	out, err := engine.Do(ctx, job.Runner, step, standIn{job.Plan.Image, job.Plan.Kickstart.Digest, content})
	return builders.Built{Images: []artifact.Image{out.Image}}, err
}

// session is one of a new process.
func (n *nightly) session() (*session, *planner, target) {
	n.Helper()
	dirs, err := newFolders(n.work)
	if err != nil {
		n.Fatal(err)
	}
	flags := makingFlags{accel: "tcg", packages: "auto", publish: []string{n.tree}, noVerify: true, noLatest: true}
	made, err := flags.parse(time.Now())
	if err != nil {
		n.Fatal(err)
	}
	view := ui.New(n.Output(), ui.Plain, false)
	s, err := newSession(n.Context(), made, dirs, view)
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(s.close)
	s.builders = map[string]builders.Builder{"disk": n}
	s.agent = func(arch.Arch) (builders.Agent, error) { return builders.Agent{ID: "agent"}, nil }
	t := target{kickstarts: n.repo, pipelines: n.pipelines}
	if t.request.Mirror = n.address; n.address == "" {
		t.request.Mirror = "file://" + n.mirror
	}
	p, err := t.planner(dirs, view.Show)
	if err != nil {
		n.Fatal(err)
	}
	return s, p, t
}

func (n *nightly) members(p *planner, t target, since string) []member {
	n.Helper()
	selected, err := matrix.Selection{Selectors: []string{"pebble/9"}}.Select(p.catalog.Pipelines())
	if err != nil {
		n.Fatal(err)
	}
	set, err := p.members(n.Context(), t.request, selected, since)
	if err != nil {
		n.Fatal(err)
	}
	return set
}

// run runs both images and wants those states, of One and Two.
func (n *nightly) run(what string, force bool, states ...matrix.State) []matrix.Result {
	n.Helper()
	s, p, t := n.session()
	set := n.members(p, t, "")
	for i := range set {
		if !force {
			set[i].needed = s.needed(set[i].plan)
		}
	}
	if force {
		s.fresh = what
	}
	cmd := &cobra.Command{}
	cmd.SetContext(n.Context())
	results, err := s.buildSet(cmd, set)
	s.close()
	if err != nil {
		n.Fatalf("%s: %v", what, err)
	}
	for i, r := range results {
		if r.State != states[i] {
			n.Errorf("%s: %s is %s, want %s: %s %v", what, r.Name, r.State, states[i], r.Error, r.Reasons)
		}
	}
	return results
}

func TestRunBuildsOnlyWhatHasChanged(t *testing.T) {
	n := newNightly(t)
	results := n.run("first", false, matrix.Built, matrix.Built)
	solved := 0
	for _, r := range results {
		for _, s := range r.Steps {
			if s.Name == "lock" && !s.Skipped {
				solved++
			}
		}
	}
	if solved != 1 {
		t.Errorf("dnf was asked %d times for two images of the same packages", solved)
	}
	n.run("again", false, matrix.Unchanged, matrix.Unchanged)
	n.write(filepath.Join(n.repo, "README"), "words")
	n.commit("touch no image")
	n.run("another commit", false, matrix.Unchanged, matrix.Unchanged)
	elsewhere := filepath.Join(t.TempDir(), "mirror")
	if err := os.Symlink(n.mirror, elsewhere); err != nil {
		t.Fatal(err)
	}
	n.mirror = elsewhere
	n.run("another mirror", false, matrix.Unchanged, matrix.Unchanged)

	n.write(filepath.Join(n.repo, "One.ks"), n.text("One.ks")+"\n%post\ntrue\n%end\n")
	n.commit("a new script in One")
	n.plan("pebble-9-One-Base", "the kickstart has changed", "a new script in One")
	n.run("a script", false, matrix.Built, matrix.Unchanged)
	n.run("after the script", false, matrix.Unchanged, matrix.Unchanged)
	n.write(filepath.Join(n.repo, "common.ks"), "# more\n")
	n.commit("what both include")
	n.run("an include", false, matrix.Built, matrix.Built)
	n.run("forced", true, matrix.Built, matrix.Built)

	published, err := filepath.Glob(filepath.Join(n.tree, "Pebble-9-One-*.qcow2"))
	if err != nil || len(published) == 0 {
		t.Fatalf("%v, %v", published, err)
	}
	for _, path := range published {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	n.run("a published file is gone", false, matrix.Built, matrix.Unchanged)
}

// Two images of the same packages, built at once: what is common is fetched once.
func TestRunFetchesOnce(t *testing.T) {
	n := newNightly(t)
	var mu sync.Mutex
	asked := map[string]int{}
	files := http.FileServer(http.Dir(n.mirror))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	n.address = server.URL
	n.run("over HTTP", false, matrix.Built, matrix.Built)
	rpms := 0
	for path, times := range asked {
		// The indexes, a few kilobytes, are read once by Quarry to see whether they have changed, and then to solve: three times for any
		// number of images.
		limit := 1
		if base := filepath.Base(path); strings.HasPrefix(base, "repomd.xml") || base == ".treeinfo" {
			limit = 3
		}
		if strings.HasSuffix(path, ".rpm") {
			rpms++
		}
		if times > limit && !strings.Contains(path, "KEY") {
			t.Errorf("%s was fetched %d times", path, times)
		}
	}
	if rpms < 50 {
		t.Errorf("only %d packages were fetched", rpms)
	}
}

func (n *nightly) text(name string) string {
	n.Helper()
	data, err := os.ReadFile(filepath.Join(n.repo, name))
	if err != nil {
		n.Fatal(err)
	}
	return string(data)
}

// plan wants that exactly the image would be built, and the words.
func (n *nightly) plan(image string, says ...string) {
	n.Helper()
	s, p, t := n.session()
	defer s.close()
	var out strings.Builder
	cmd := &cobra.Command{}
	cmd.SetContext(n.Context())
	cmd.SetOut(&out)
	if err := planSet(cmd, s, p, n.members(p, t, ""), false); err != nil {
		n.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[1] == "x86_64" && (fields[2] == actionBuild) != (fields[0] == image) {
			n.Errorf("want to build %s alone: %s", image, line)
		}
	}
	for _, word := range append(says, "1 to build, 1 unchanged") {
		if !strings.Contains(out.String(), word) {
			n.Errorf("%q is missing in the plan:\n%s", word, out.String())
		}
	}
}

func TestOnlyWhatHasChangedSince(t *testing.T) {
	n := newNightly(t)
	n.write(filepath.Join(n.repo, "Two.ks"), n.text("Two.ks")+"# another line\n")
	n.commit("change Two")
	n.write(filepath.Join(n.repo, "README"), "words")
	n.commit("touch no image")
	for since, want := range map[string][]string{
		"HEAD~2": {"Two"}, "HEAD~1": nil, "HEAD": nil, "1h": {"One", "Two"}, time.Now().Add(48 * time.Hour).Format(time.DateOnly): nil,
	} {
		_, p, target := n.session()
		var got []string
		for _, m := range n.members(p, target, since) {
			got = append(got, m.Image)
		}
		if !slices.Equal(got, want) {
			t.Errorf("since %s: %v; want %v", since, got, want)
		}
	}
	_, p, target := n.session()
	selected, err := matrix.Selection{Selectors: []string{"*"}}.Select(p.catalog.Pipelines())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.members(t.Context(), target.request, selected, "yestreen"); exitCode(t.Context(), err) != exitUsage {
		t.Errorf("--since yestreen: %v", err)
	}
}

// A build that can't be planned fails in its turn.
func TestAMemberWithoutAPlanFailsAlone(t *testing.T) {
	h, err := history.Open(t.Context(), filepath.Join(t.TempDir(), history.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	run, err := h.StartRun(t.Context(), []string{"quarry", "run"}, "test")
	if err != nil {
		t.Fatal(err)
	}
	s := &session{view: ui.New(t.Output(), ui.Plain, false), ledger: &ledger{history: h, run: run}}
	r := s.buildMember(t.Context(), member{Build: matrix.Build{Image: "One"}, err: fmt.Errorf("no kickstart")}, 0)
	if r.State != matrix.Failed || r.Error != "no kickstart" {
		t.Errorf("%+v", r)
	}
	if kept, err := h.Run(t.Context(), run); err != nil || len(kept.Builds) != 1 || kept.Builds[0].State != history.Failed || kept.Builds[0].Error != "no kickstart" {
		t.Errorf("in the history: %+v, %v", kept.Builds, err)
	}
}
