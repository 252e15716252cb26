package pipelines_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/publish"
	"github.com/quarry-project/quarry/internal/source"
	"github.com/quarry-project/quarry/kickstarts"
	"github.com/quarry-project/quarry/pipelines"
	"github.com/quarry-project/quarry/test/golden"
)

func load(t *testing.T) []plan.Pipeline {
	t.Helper()
	catalog, err := plan.Load(pipelines.Files)
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Pipelines()
}

// check makes the plans of one pipeline for each of its architectures: what people see of all, and the whole of the first.
func check(t *testing.T, pipeline plan.Pipeline, request plan.Request, checkout source.Checkout) {
	for i, a := range pipeline.Architectures() {
		request.Arch = a
		p, err := plan.Make(pipeline, request, checkout)
		if err != nil {
			t.Errorf("%s for %s: %v", pipeline.File, a, err)
			continue
		}
		golden.Equal(t, p.Name()+".txt", p.Text())
		if i == 0 {
			goldenJSON(t, p)
			checkLayout(t, p)
		}
	}
}

func goldenJSON(t *testing.T, p plan.Plan) {
	t.Helper()
	var back plan.Plan
	encoded, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back); diff != "" {
		t.Errorf("the plan changes on its way through JSON:\n%s", diff)
	}
	p.Kickstart.Text = "" // its digest stands for it
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(p); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, p.Name()+".json", out.String())
}

// TestOwnKickstarts makes the plans of all images from Quarry's own kickstarts.
func TestOwnKickstarts(t *testing.T) {
	for _, p := range load(t) {
		if p.Source != source.OwnName {
			continue
		}
		t.Run(p.File, func(t *testing.T) {
			request := plan.Request{Release: p.Release()}
			if p.Distro() == "pebble" {
				request.Mirror = "file:///pebble"
			}
			check(t, p, request, source.Own(kickstarts.Files))
		})
	}
}

// TestRockyWithTheUpstreamKickstarts makes the plans of all images of Rocky's releases whose branch can be had.
func TestRockyWithTheUpstreamKickstarts(t *testing.T) {
	all := load(t)
	for _, release := range []string{"8", "9"} {
		checkout := upstream(t, "r"+release)
		for _, p := range all {
			if p.Distro() == "rocky" && p.Release() == release && p.Source == "rocky" {
				t.Run(p.File, func(t *testing.T) { check(t, p, plan.Request{Release: release}, checkout) })
			}
		}
	}
}

// TestWithoutTheKickstart makes the plans of the images whose kickstarts can't be had here with one that stands in for them: what the YAML alone
// decides, repositories, trees and keys, is complete.
func TestWithoutTheKickstart(t *testing.T) {
	for _, p := range load(t) {
		for _, a := range p.Architectures() {
			request := plan.Request{Release: p.Release(), Arch: a, Mirror: "https://mirror.invalid/el"}
			text := "part / --size=2000 --fstype=ext4\n"
			if p.Distro() == "rocky" { // the others have no such repository
				text += "repo --name=CRB\n"
			}
			text += "%packages\ndracut-live\n%end\n" // without which nothing is live
			made, err := plan.Make(p, request, source.Checkout{FS: fstest.MapFS{p.Outline(request).Kickstart.Path: {Data: []byte(text)}}})
			if err != nil {
				t.Errorf("%s for %s: %v", p.File, a, err)
				continue
			}
			for _, r := range append(made.Repositories, plan.Repository{BaseURL: made.Tree}) {
				if u := r.URL(); !strings.HasPrefix(u, "https://mirror.invalid/el/"+made.Version+"/") || !strings.Contains(u, a) || strings.Contains(u, "$") {
					t.Errorf("%s for %s: the URL %s", p.File, a, u)
				}
			}
			for _, k := range made.Keys {
				if !strings.HasPrefix(k.URL, "https://mirror.invalid/el/") || k.Fingerprint == "" && p.Distro() != "pebble" {
					t.Errorf("%s: the key %+v", p.File, k)
				}
			}
		}
	}
}

// TestNames says what everything is published as: no two images share a name, and every name can be read back.
func TestNames(t *testing.T) {
	seen := map[string]string{}
	claim := func(name, file string) {
		if other, taken := seen[name]; taken {
			t.Errorf("%s and %s are both published as %s", file, other, name)
		}
		seen[name] = file
	}
	var list strings.Builder
	for _, p := range load(t) {
		for _, a := range p.Architectures() {
			outline := p.Outline(plan.Request{Release: p.Release(), Arch: a})
			for _, o := range outline.Outputs {
				img := artifact.Image{Arch: a, Format: o.Format}
				names, err := publish.NamesOf(outline, img, "20260131", 0)
				if err != nil {
					t.Errorf("%s: %v", p.File, err)
					continue
				}
				subject, _, err := publish.SubjectOf(outline, img)
				if err != nil {
					t.Fatal(err)
				}
				if back, err := publish.ParseName(names.File); err != nil || back != (publish.Name{Subject: subject, Date: "20260131"}) {
					t.Errorf("%s is read back as %+v (%v)", names.File, back, err)
				}
				for _, name := range append([]string{names.File}, names.Links...) {
					claim(name, p.File)
				}
				fmt.Fprintf(&list, "%s\n", names.File)
				for _, link := range names.Links {
					fmt.Fprintf(&list, "    %s\n", link)
				}
			}
		}
	}
	golden.Equal(t, "names.txt", list.String())
}

// TestAddingAnImage follows the example of docs/catalog.md: one YAML file is all that a new image takes.
func TestAddingAnImage(t *testing.T) {
	doc, err := os.ReadFile("../docs/catalog.md")
	if err != nil {
		t.Fatal(err)
	}
	_, diff, _ := strings.Cut(string(doc), "```diff\n")
	diff, _, _ = strings.Cut(diff, "```")
	file, yaml := "", ""
	for line := range strings.Lines(diff) {
		if name, ok := strings.CutPrefix(line, "+++ b/pipelines/"); ok {
			file = strings.TrimSpace(name)
		} else if text, ok := strings.CutPrefix(line, "+"); ok {
			yaml += text
		}
	}
	tree := fstest.MapFS{file: {Data: []byte(yaml)}}
	release := path.Join(path.Dir(file), "release.yaml")
	data, err := pipelines.Files.ReadFile(release)
	if err != nil {
		t.Fatal(err)
	}
	tree[release] = &fstest.MapFile{Data: data}
	catalog, err := plan.Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	p, err := catalog.Find(plan.Request{Distro: "rocky", Release: "9", Image: "OpenNebula", Arch: "aarch64"})
	if err != nil {
		t.Fatal(err)
	}
	names, err := publish.NamesOf(p.Outline(plan.Request{Release: "9", Arch: "aarch64"}), artifact.Image{Arch: "aarch64", Format: "qcow2"}, "20260131", 0)
	if want := "Rocky-9-OpenNebula-Base-9.6-20260131-aarch64.qcow2"; err != nil || names.File != want {
		t.Errorf("it is called %s, want %s (%v)", names.File, want, err)
	}
}

// TestSources says that every pipeline's kickstarts come from somewhere.
func TestSources(t *testing.T) {
	catalog, err := source.LoadCatalog(kickstarts.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range load(t) {
		if p.Source == source.OwnName {
			continue
		}
		if s, branch, err := catalog.Find(p.Source, p.Release()); err != nil || branch == "" || len(s.URLs) == 0 {
			t.Errorf("%s: %+v, branch %q: %v", p.File, s, branch, err)
		}
	}
	s, branch, err := catalog.Find("rocky", "9")
	if err != nil || branch != "r9" || len(s.URLs) < 2 {
		t.Errorf("Rocky 9's kickstarts: %+v, branch %q: %v", s, branch, err)
	}
}

// TestMatrix holds the catalog against the list of what the distribution publishes.
func TestMatrix(t *testing.T) {
	want := map[string]string{
		"8": "Azure-Base Azure-LVM Container-Base Container-Minimal Container-UBI EC2-Base EC2-LVM GenericCloud-Base GenericCloud-LVM OCP-Base " +
			"Vagrant-Libvirt Vagrant-VMware Vagrant-Vbox WSL-Base",
	}
	want["9"] = strings.Replace(want["8"], "GenericCloud-Base", "GenericArm-Minimal GenericCloud-Base", 1)
	want["9"] = strings.Replace(want["9"], "Vagrant-Libvirt", "SBC-RaspberryPi Vagrant-Libvirt", 1)
	want["10"] = strings.TrimSuffix(want["9"], " WSL-Base")
	desktops := " KDE MATE Workstation Workstation-Lite XFCE"
	for release := range want {
		want[release] += desktops
		if release != "8" {
			want[release] += " Cinnamon"
		}
	}
	got := map[string][]string{}
	for _, p := range load(t) {
		if p.Distro() == "rocky" {
			got[p.Release()] = append(got[p.Release()], strings.TrimSuffix(p.Image()+"-"+p.Variant(), "-"))
		}
	}
	for release, images := range want {
		slices.Sort(got[release])
		if diff := cmp.Diff(slices.Sorted(slices.Values(strings.Fields(images))), got[release]); diff != "" {
			t.Errorf("Rocky %s:\n%s", release, diff)
		}
	}
}
