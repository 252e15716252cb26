package resolve

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/plan"
)

// asked is what decides whether a plan is solved again.
func asked(t *testing.T, p plan.Plan, o Options) [2]digest.Digest {
	t.Helper()
	question, err := Question(p)
	if err != nil {
		t.Fatal(err)
	}
	state, err := State(t.Context(), p, o.Store)
	if err != nil {
		t.Fatal(err)
	}
	return [2]digest.Digest{question, state}
}

func contentOf(t *testing.T, l Lock) digest.Digest {
	t.Helper()
	d, err := l.Content()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// elsewhere is the same distribution at other addresses and with its key as a file, wanted by a kickstart of a later commit.
func elsewhere(t *testing.T, d *distribution, p plan.Plan) (plan.Plan, string) {
	t.Helper()
	mirror := filepath.Join(t.TempDir(), "mirror")
	if err := os.Symlink(d.dir, mirror); err != nil {
		t.Fatal(err)
	}
	move := func(url string) string { return strings.Replace(url, d.dir, mirror, 1) }
	p.Kickstart.Commit, p.Kickstart.Source = strings.Repeat("b", 40), "https://elsewhere.invalid/kickstarts.git"
	p.Kickstart.Path = "other.ks"
	p.Packages.Install = slices.Clone(p.Packages.Install)
	for i := range p.Packages.Install {
		p.Packages.Install[i].File, p.Packages.Install[i].Line = "other.ks", i+50
	}
	p.Tree = move(p.Tree)
	p.Keys = []plan.Key{{File: filepath.Join(mirror, "KEY")}}
	repositories := p.Repositories
	p.Repositories = nil
	for _, r := range repositories {
		r.BaseURL = move(r.BaseURL)
		p.Repositories = append(p.Repositories, r)
	}
	return p, mirror
}

func TestTheSameFilesElsewhereAreTheSame(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", comps, testRPMs("x86_64")...)
	p := d.plan([]string{"baseos"}, "@core", "nethack")
	p.Kickstart.Commit = strings.Repeat("a", 40)
	o := d.options()
	there, mirror := elsewhere(t, d, p)
	if a, b := asked(t, p, o), asked(t, there, o); a != b {
		t.Errorf("another mirror, key path and commit would be solved again: %v, %v", a, b)
	}
	lock, err := Resolve(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := lock.For(there)
	if err != nil {
		t.Fatal(err)
	}
	if err := moved.Check(there); err != nil {
		t.Error(err)
	}
	if lock.Check(there) == nil {
		t.Error("a Lock passes for a plan that it was not made for")
	}
	if moved.Kickstart.Commit != there.Kickstart.Commit || contentOf(t, moved) != contentOf(t, lock) {
		t.Errorf("moved to %+v with the content %s", moved.Kickstart, contentOf(t, moved))
	}
	for _, pkg := range moved.Packages {
		if !strings.HasPrefix(pkg.URL, "file://"+mirror+"/baseos/") {
			t.Errorf("%s is still fetched from %s", pkg.Name, pkg.URL)
		}
	}
	if strings.Contains(lock.Packages[0].URL, mirror) {
		t.Error("moving a Lock has changed the one that was there")
	}
	// What was solved there says the same.
	solved, err := Resolve(t.Context(), there, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(solved, moved); diff != "" {
		t.Errorf("a Lock that was moved is another than one that was solved there:\n%s", diff)
	}
	if _, err := moved.Fetch(t.Context(), o.Store, nil); err != nil {
		t.Error(err)
	}
}

// A package that changes makes another content only of Locks that have it.
func TestOnlyWhatALockHasCounts(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", comps, testRPMs("x86_64")...)
	with, without := d.plan([]string{"baseos"}, "bash", "nethack"), d.plan([]string{"baseos"}, "bash")
	o := d.options()
	solve := func(p plan.Plan) digest.Digest {
		l, err := Resolve(t.Context(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		return contentOf(t, l)
	}
	before := []digest.Digest{solve(with), solve(without)}
	state := asked(t, without, o)
	d.repository("baseos", comps, rpmSpec{name: "nethack", version: "2"})
	if asked(t, without, o) == state {
		t.Error("a changed repository is not noticed")
	}
	if solve(with) == before[0] {
		t.Error("the new version is not in the content of the Lock that has it")
	}
	if solve(without) != before[1] {
		t.Error("a package that is not in a Lock has changed its content")
	}
}

// What is asked for counts, line by line.
func TestQuestion(t *testing.T) {
	d := &distribution{t: t, arch: "x86_64", dir: "/d", key: releaseKey()}
	base := asQuestion(t, d.plan([]string{"baseos"}, "bash"))
	for name, change := range map[string]func(*plan.Plan){
		"a package":    func(p *plan.Plan) { p.Packages.Install[0].Name = "zsh" },
		"at hand":      func(p *plan.Plan) { p.Packages.Available = []string{"grub2-pc"} },
		"architecture": func(p *plan.Plan) { p.Arch = "s390x" },
		"excludes":     func(p *plan.Plan) { p.Repositories[0].Exclude = []string{"kernel*"} },
		"cost":         func(p *plan.Plan) { p.Repositories[0].Cost = 1 },
		"signatures":   func(p *plan.Plan) { p.Repositories[0].GPGCheck = false },
		"a repository": func(p *plan.Plan) { p.Repositories = append(p.Repositories, plan.Repository{ID: "extras"}) },
	} {
		p := d.plan([]string{"baseos"}, "bash")
		change(&p)
		if asQuestion(t, p) == base {
			t.Errorf("%s does not count", name)
		}
	}
	same := d.plan([]string{"baseos"}, "bash")
	same.Disk.Size, same.Image, same.Kickstart.Text = 1, "Other", "# other"
	if asQuestion(t, same) != base {
		t.Error("what dnf is not asked counts")
	}
}

func asQuestion(t *testing.T, p plan.Plan) digest.Digest {
	t.Helper()
	q, err := Question(p)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
