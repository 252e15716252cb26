package matrix

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/strictyaml"
	"github.com/quarry-project/quarry/pipelines"
)

// catalog is a small one made of the real one's files: two releases, three images, one for one architecture only.
func catalog(t *testing.T) []plan.Pipeline {
	t.Helper()
	files := fstest.MapFS{}
	for _, release := range []string{"9", "10"} {
		for _, name := range []string{"release", "genericcloud-base", "genericcloud-lvm"} {
			path := fmt.Sprintf("rocky/%s/%s.yaml", release, name)
			data, err := pipelines.Files.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := string(data)
			switch name {
			case "genericcloud-lvm":
				text = strings.Replace(text, "[nightly, cloud]", "[weekly]", 1) + "architectures: [s390x]\n"
			case "genericcloud-base":
				text += "architectures: [x86_64, aarch64]\n"
			}
			files[path] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	c, err := plan.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return c.Pipelines()
}

func names(builds []Build) (all []string) {
	for _, b := range builds {
		all = append(all, strings.TrimPrefix(b.Name(), "rocky-"))
	}
	slices.Sort(all)
	return all
}

func TestSelect(t *testing.T) {
	images := catalog(t)
	const (
		base9x, base9a   = "9-GenericCloud-Base-x86_64", "9-GenericCloud-Base-aarch64"
		base10x, base10a = "10-GenericCloud-Base-x86_64", "10-GenericCloud-Base-aarch64"
		lvm9, lvm10      = "9-GenericCloud-LVM-s390x", "10-GenericCloud-LVM-s390x"
	)
	for name, c := range map[string]struct {
		s    Selection
		want []string
	}{
		"all":              {Selection{Selectors: []string{"*"}}, []string{base9x, base9a, base10x, base10a, lvm9, lvm10}},
		"a release":        {Selection{Selectors: []string{"rocky/9"}}, []string{base9x, base9a, lvm9}},
		"one":              {Selection{Selectors: []string{"rocky/9/GenericCloud-Base/x86_64"}}, []string{base9x}},
		"without variant":  {Selection{Selectors: []string{"rocky/10/genericcloud"}}, []string{base10x, base10a, lvm10}},
		"globs":            {Selection{Selectors: []string{"*/1?/*-LVM/*", "r*/9/*/a*"}}, []string{lvm10, base9a}},
		"a title":          {Selection{Selectors: []string{"rocky-9-GenericCloud-Base"}}, []string{base9x, base9a}},
		"a name":           {Selection{Selectors: []string{"rocky-10-GenericCloud-LVM-s390x"}}, []string{lvm10}},
		"label":            {Selection{Labels: []string{"weekly"}}, []string{lvm9, lvm10}},
		"label and arch":   {Selection{Labels: []string{"nightly", "weekly"}, Archs: []string{"s390x", "x86_64"}}, []string{base9x, base10x, lvm9, lvm10}},
		"release, variant": {Selection{Releases: []string{"10"}, Variants: []string{"lvm"}}, []string{lvm10}},
		"image":            {Selection{Images: []string{"GenericCloud-LVM"}, Distros: []string{"rocky"}}, []string{lvm9, lvm10}},
		"exclude":          {Selection{Selectors: []string{"rocky"}, Exclude: []string{"rocky/10", "*/*/*/aarch64"}}, []string{base9x, lvm9}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.s.Select(images)
			want := slices.Sorted(slices.Values(c.want))
			if err != nil || !slices.Equal(names(got), want) {
				t.Errorf("%v, %v; want %v", names(got), err, want)
			}
		})
	}
}

func TestSelectRefuses(t *testing.T) {
	images := catalog(t)
	for name, c := range map[string]struct {
		s    Selection
		says string
	}{
		"a typo":             {Selection{Selectors: []string{"rocky/9", "rocky/9/GenricCloud"}}, "GenricCloud"},
		"too long":           {Selection{Selectors: []string{"rocky/9/a/b/c"}}, "at most"},
		"empty part":         {Selection{Selectors: []string{"rocky//x"}}, "empty"},
		"no glob":            {Selection{Selectors: []string{"rocky/[9"}}, "no glob"},
		"unknown exclude":    {Selection{Selectors: []string{"*"}, Exclude: []string{"rocky/8"}}, "rocky/8"},
		"unknown label":      {Selection{Labels: []string{"nigthly"}}, "nigthly"},
		"unknown arch":       {Selection{Archs: []string{"vax"}}, "vax"},
		"nothing has both":   {Selection{Labels: []string{"weekly"}, Archs: []string{"x86_64"}}, "at once"},
		"everything is left": {Selection{Selectors: []string{"rocky/9"}, Exclude: []string{"rocky/9"}}, "at once"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := c.s.Select(images); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, %v; want an error about %s", names(got), err, c.says)
			}
		})
	}
}

func TestRunFile(t *testing.T) {
	f, err := ParseRunFile("nightly.yaml", []byte("name: nightly\nselect: [rocky/9]\nexclude: [\"*/*/*/s390x\"]\npublish: [/srv/images]\n"), catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Selection().Select(catalog(t))
	if err != nil || len(got) != 2 || f.Name != "nightly" || f.Publish[0] != "/srv/images" {
		t.Errorf("%+v selects %v, %v", f, names(got), err)
	}
}

func TestRunFileSaysWhere(t *testing.T) {
	images := catalog(t)
	for text, want := range map[string]string{
		"select: [rocky/9, rocky/7]\n":          "r.yaml:1:19: select[1]",
		"labels:\n  - nightly\n  - nosuch\n":    "r.yaml:3:5: labels[1]",
		"select: [\"*\"]\narchitectures: [vax]": "r.yaml:2:17: architectures[0]",
		"select: [\"*\"]\nselct: []\n":          "r.yaml:2:1",
		"select: [\"*\"]\npublish: [\"\"]\n":    "r.yaml:2:11: publish[0]",
		"name: nothing\n":                       "r.yaml:1:",
	} {
		_, err := ParseRunFile("r.yaml", []byte(text), images)
		var at *strictyaml.Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

func FuzzRunFile(f *testing.F) {
	f.Add([]byte("name: a\nselect: [rocky/9]\nlabels: [b]\n"))
	f.Add([]byte("select: [\"[\", \"a/b/c/d/e\"]\npublish: [x]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ParseRunFile("f.yaml", data, nil)
		if err == nil && !file.Selection().Empty() && len(file.Select)+len(file.Labels)+len(file.Architectures) > 0 {
			t.Errorf("%+v passes against an empty catalog", file)
		}
	})
}
