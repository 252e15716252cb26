package resolve

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
)

const comps = `<?xml version="1.0" encoding="UTF-8"?>
<comps>
 <group><id>core</id><name>Core</name><default>true</default><uservisible>false</uservisible>
  <packagelist>
   <packagereq type="mandatory">bash</packagereq><packagereq type="mandatory">absent-from-the-repository</packagereq>
   <packagereq type="default">plymouth</packagereq><packagereq type="default">vim</packagereq>
   <packagereq type="optional">extra</packagereq>
  </packagelist></group>
 <group><id>servers</id><name>Servers</name><default>false</default><uservisible>true</uservisible>
  <packagelist><packagereq type="mandatory">httpd</packagereq><packagereq type="optional">httpd-doc</packagereq></packagelist></group>
 <group><id>games</id><name>Games</name><default>false</default><uservisible>true</uservisible>
  <packagelist><packagereq type="mandatory">nethack</packagereq></packagelist></group>
 <environment><id>server-environment</id><name>Server</name><display_order>1</display_order>
  <grouplist><groupid>servers</groupid><groupid>games</groupid></grouplist>
  <optionlist><groupid default="true">core</groupid></optionlist></environment>
</comps>`

// testRPMs are small but have every relation that matters.
func testRPMs(arch string) []rpmSpec {
	return []rpmSpec{
		{name: "bash", requires: []string{"glibc"}, arch: arch}, {name: "glibc", epoch: 2, arch: arch},
		{name: "plymouth"}, {name: "vim", recommends: []string{"vim-doc"}}, {name: "vim-doc"},
		{name: "extra"}, {name: "httpd", requires: []string{"apr"}}, {name: "apr"}, {name: "httpd-doc"}, {name: "nethack"},
		{name: "font-a"}, {name: "font-b"}, {name: "firmware"},
		{name: "grub2-pc", requires: []string{"grub2-pc-modules"}, recommends: []string{"grub2-art"}}, {name: "grub2-pc-modules"}, {name: "grub2-art"},
		{name: "broken", requires: []string{"nobody-provides-this"}}, {name: "hater", conflicts: []string{"bash"}},
	}
}

// names of a set with reason and origin, sorted.
func summary(all []Package) []string {
	var lines []string
	for _, p := range all {
		lines = append(lines, strings.TrimSpace(p.Name+" "+p.Reason+" "+p.For))
	}
	slices.Sort(lines)
	return lines
}

func TestResolve(t *testing.T) {
	for _, arch := range []string{"x86_64", "aarch64"} { // one of them is foreign on any host
		t.Run(arch, func(t *testing.T) {
			d := newDistribution(t, arch)
			d.repository("baseos", comps, testRPMs(arch)...)
			d.repository("appstream", "", rpmSpec{name: "nano"}, rpmSpec{name: "nano", version: "2"})
			p := d.plan([]string{"baseos", "appstream"}, "@core", "nano", "font-*")
			p.Packages.Install = append(p.Packages.Install,
				plan.Want{Name: "firmware", Reason: plan.ReasonPlatform, Soft: true}, plan.Want{Name: "no-such-loader", Reason: plan.ReasonPlatform, Soft: true})
			p.Packages.Exclude = []plan.Want{{Name: "plymouth"}, {Name: "vim-d*"}}
			p.Packages.Available = []string{"grub2-pc", "vim-doc", "not-anywhere"}
			o := d.options()
			var said []string
			o.Report = func(e progress.Event) { said = append(said, e.Message) }
			l, err := Resolve(t.Context(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				"bash group @core (image.ks:10)", "firmware user firmware (for this platform)", "font-a user font-* (image.ks:12)",
				"font-b user font-* (image.ks:12)", "glibc dependency bash", "nano user nano (image.ks:11)", "vim group @core (image.ks:10)",
			}
			if diff := cmp.Diff(want, summary(l.Packages)); diff != "" {
				t.Errorf("installed:\n%s", diff)
			}
			// What %post asks for, with its own dependencies of both kinds; an exclusion of %packages doesn't bind it.
			if diff := cmp.Diff([]string{"grub2-art", "grub2-pc", "grub2-pc-modules", "vim-doc"}, summary(l.Available)); diff != "" {
				t.Errorf("available:\n%s", diff)
			}
			if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "not-anywhere") }) {
				t.Errorf("nothing was said of what is not available: %q", said)
			}
			wantGroups := []Group{{ID: "core", Name: "Core", Kind: "group", Mandatory: []string{"absent-from-the-repository", "bash"},
				Default: []string{"plymouth", "vim"}, Optional: []string{"extra"}, Installed: []string{"bash", "vim"}, Excluded: []string{"plymouth"}}}
			if diff := cmp.Diff(wantGroups, l.Groups); diff != "" {
				t.Errorf("groups:\n%s", diff)
			}
			wantExpected := []string{
				"bash-0:1-1.el9." + arch, "firmware-0:1-1.el9.noarch", "font-a-0:1-1.el9.noarch", "font-b-0:1-1.el9.noarch",
				"glibc-2:1-1.el9." + arch, "nano-0:2-1.el9.noarch", "vim-0:1-1.el9.noarch",
			}
			if diff := cmp.Diff(wantExpected, l.Request.Expected); diff != "" {
				t.Errorf("expected:\n%s", diff)
			}
			if diff := cmp.Diff([]string{"@core", "nano", "font-*", "firmware"}, l.Request.Install); diff != "" {
				t.Errorf("request:\n%s", diff)
			}
			if len(l.Repositories) != 2 || l.Repositories[0].Comps == nil || l.Repositories[0].Repomd == "" || l.Repositories[1].Comps != nil {
				t.Errorf("repositories: %+v", l.Repositories)
			}

			again, err := Resolve(t.Context(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(l, again); diff != "" {
				t.Errorf("the same plan again makes another lock:\n%s", diff)
			}

			file := filepath.Join(t.TempDir(), "lock.json")
			if err := l.Save(file); err != nil {
				t.Fatal(err)
			}
			loaded, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(l, loaded); diff != "" {
				t.Errorf("the lock changes on its way through a file:\n%s", diff)
			}
			if err := loaded.Check(p); err != nil {
				t.Error(err)
			}
			p.Disk.Size++
			if err := loaded.Check(p); err == nil {
				t.Error("a lock for another plan was accepted")
			}

			in, err := loaded.Fetch(t.Context(), o.Store, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(in.RPMs) != len(l.Packages)+len(l.Available) || in.Comps["baseos"].Size == 0 || in.Kernel.Size == 0 || in.Stage2.Path == "" {
				t.Errorf("fetched: %+v", in)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", comps, testRPMs("x86_64")...)
	p := d.plan([]string{"baseos"}, "@^server-environment", "@core")
	p.Packages.Install[1].GroupTypes = []string{"mandatory", "default", "optional"}
	p.Packages.ExcludeGroups = []plan.Want{{Name: "games"}}
	p.Packages.ExcludeWeakDeps = true
	l, err := Resolve(t.Context(), p, d.options())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"apr dependency httpd", "bash group @core (image.ks:11)", "extra group @core (image.ks:11)", "glibc dependency bash",
		"httpd group @servers", "plymouth group @core (image.ks:11)", "vim group @core (image.ks:11)",
	}
	if diff := cmp.Diff(want, summary(l.Packages)); diff != "" {
		t.Errorf("installed:\n%s", diff)
	}
	env := l.Groups[0]
	if env.ID != "server-environment" || env.Kind != "environment" {
		t.Fatalf("the first group is %+v", env)
	}
	for what, pair := range map[string][2][]string{
		"mandatory": {env.Mandatory, {"servers", "games"}}, "optional": {env.Optional, {"core"}},
		"installed": {env.Installed, {"servers"}}, "excluded": {env.Excluded, {"games"}},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" {
			t.Errorf("%s groups of the environment:\n%s", what, diff)
		}
	}
	if diff := cmp.Diff([]string{"@server-environment", "@core/mandatory,default,optional"}, l.Request.Install); diff != "" {
		t.Errorf("request:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"games"}, l.Request.ExcludeGroups); diff != "" {
		t.Errorf("request:\n%s", diff)
	}
}

func TestMissingPackagesAreNamedTogether(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", comps, testRPMs("x86_64")...)
	p := d.plan([]string{"baseos"}, "bash", "no-such-package", "@no-such-group", "nor-this")
	_, err := Resolve(t.Context(), p, d.options())
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("want a MissingError, got %v", err)
	}
	for _, part := range []string{"no-such-package (image.ks:11)", "@no-such-group (image.ks:12)", "nor-this (image.ks:13)", d.url("baseos"), "--ignoremissing"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error doesn't say %q: %v", part, err)
		}
	}
	p.Packages.IgnoreMissing = true
	l, err := Resolve(t.Context(), p, d.options())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bash user bash (image.ks:10)", "glibc dependency bash"}, summary(l.Packages)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bash"}, l.Request.Install); diff != "" {
		t.Errorf("the request asks for what is not there:\n%s", diff)
	}
}

func TestBrokenDependencies(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", comps, testRPMs("x86_64")...)
	for name, wants := range map[string][]string{"requires": {"bash", "broken"}, "conflicts": {"bash", "hater"}} {
		p := d.plan([]string{"baseos"}, wants...)
		_, err := Resolve(t.Context(), p, d.options())
		var broken *BrokenError
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), wants[1]) {
			t.Errorf("%s: want a BrokenError about %s, got %v", name, wants[1], err)
		}
		p.Packages.IgnoreBroken = true
		if l, err := Resolve(t.Context(), p, d.options()); err != nil || len(l.Packages) == 0 {
			t.Errorf("%s, to be ignored: %d packages, %v", name, len(l.Packages), err)
		}
	}
}

func TestExcludedDependencyIsBroken(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", comps, testRPMs("x86_64")...)
	p := d.plan([]string{"baseos"}, "bash")
	p.Packages.Exclude = []plan.Want{{Name: "glibc"}}
	_, err := Resolve(t.Context(), p, d.options())
	if !errors.As(err, new(*BrokenError)) || !strings.Contains(err.Error(), "glibc") {
		t.Errorf("want a BrokenError about glibc, got %v", err)
	}
}

const modules = `---
document: modulemd
version: 2
data:
  name: tool
  stream: "1"
  version: 1
  context: aaaa
  arch: x86_64
  summary: Tool 1
  description: Tool 1
  license: {module: [MIT]}
  profiles: {default: {rpms: [tool]}}
  artifacts: {rpms: ["tool-0:1-1.el9.noarch"]}
...
---
document: modulemd
version: 2
data:
  name: tool
  stream: "2"
  version: 1
  context: bbbb
  arch: x86_64
  summary: Tool 2
  description: Tool 2
  license: {module: [MIT]}
  profiles: {default: {rpms: [tool]}}
  artifacts: {rpms: ["tool-0:2-1.el9.noarch"]}
...
---
document: modulemd-defaults
version: 1
data:
  module: tool
  stream: "2"
  profiles: {"2": [default]}
...
`

func TestModules(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", "", rpmSpec{name: "tool"}, rpmSpec{name: "tool", version: "2"})
	d.write("modules.yaml", []byte(modules))
	d.run("modifyrepo_c", "--mdtype=modules", d.path("modules.yaml"), d.path("baseos/repodata"))
	d.signRepository("baseos", d.key)
	for stream, version := range map[string]string{"": "2", "1": "1"} {
		p := d.plan([]string{"baseos"}, "tool")
		if stream != "" {
			p.Packages.Modules = []plan.Module{{Name: "tool", Stream: stream}}
		}
		l, err := Resolve(t.Context(), p, d.options())
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Packages) != 1 || l.Packages[0].Version != version || l.Repositories[0].Modules == nil {
			t.Errorf("stream %q: want version %s, got %+v", stream, version, l.Packages)
		}
	}
	p := d.plan([]string{"baseos"}, "tool")
	p.Packages.Modules = []plan.Module{{Name: "tool", Stream: "7"}}
	if _, err := Resolve(t.Context(), p, d.options()); err == nil || !strings.Contains(err.Error(), "tool:7") {
		t.Errorf("a stream that isn't there: %v", err)
	}
}

// TestMirrorListOverHTTP takes a repository from a list of mirrors, as repo --mirrorlist does, of which the first is dead.
func TestMirrorListOverHTTP(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", comps, rpmSpec{name: "bash", version: "1~rc1^2"})
	server := httptest.NewServer(http.FileServer(http.Dir(d.dir)))
	defer server.Close()
	d.write("mirrors", []byte("http://127.0.0.1:1/baseos\n"+server.URL+"/baseos\n"))
	p := d.plan([]string{"baseos"}, "bash")
	p.Repositories[0].BaseURL, p.Repositories[0].MirrorList = "", server.URL+"/mirrors"
	p.Keys[0].URL, p.Tree = server.URL+"/KEY", server.URL+"/tree"
	o := d.options()
	l, err := Resolve(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	if r := l.Repositories[0]; !slices.Equal(append([]string{r.BaseURL}, r.Mirrors...), []string{"http://127.0.0.1:1/baseos", server.URL + "/baseos"}) {
		t.Errorf("pinned to %s and %s", r.BaseURL, r.Mirrors)
	}
	if _, err := l.Fetch(t.Context(), o.Store, nil); err != nil {
		t.Error(err)
	}
}

func TestPackagesThatDontFit(t *testing.T) {
	d := newDistribution(t, "x86_64")
	d.repository("baseos", comps, testRPMs("x86_64")...)
	p := d.plan([]string{"baseos"}, "bash")
	p.Disk.Packages = 1 << 20
	_, err := Resolve(t.Context(), p, d.options())
	if !errors.As(err, new(*SpaceError)) {
		t.Errorf("1 MiB of room: %v", err)
	}
}
