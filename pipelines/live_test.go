package pipelines_test

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/source"
	"github.com/quarry-project/quarry/test/golden"
	"github.com/quarry-project/quarry/test/shared"
)

// upstream is a branch of the upstream kickstarts.
func upstream(t *testing.T, branch string) source.Checkout {
	t.Helper()
	bundle := filepath.Join(shared.Dir(t), "data", "rocky-kickstarts.bundle")
	checkout, err := source.Open(t.Context(), source.Options{CacheDir: t.TempDir(), Branch: branch, Override: bundle})
	if err != nil {
		t.Fatal(err)
	}
	checkout.URL = "rocky-kickstarts.bundle" // without this machine's folder
	return checkout
}

// desktops are a release's live images by their names.
func desktops(t *testing.T, release string) map[string]plan.Pipeline {
	t.Helper()
	found := map[string]plan.Pipeline{}
	for _, p := range load(t) {
		if p.Distro() == "rocky" && p.Release() == release && slices.Contains(p.Labels(), "live") {
			found[p.Image()] = p
		}
	}
	return found
}

// TestSplitKickstarts makes plans of all live kickstarts that upstream keeps in parts: of every architecture, for production, staging and the build
// system. One of them is kept as golden files.
func TestSplitKickstarts(t *testing.T) {
	for release, want := range map[string]int{"8": 12, "9": 57} {
		images, checkout, planned := desktops(t, release), upstream(t, "r"+release), 0
		err := fs.WalkDir(checkout.FS, "live", func(name string, _ fs.DirEntry, err error) error {
			desktop, ok := strings.CutPrefix(path.Base(name), "rocky-live-")
			image := find(images, strings.TrimSuffix(desktop, ".ks"))
			if err != nil || !ok || image == "" {
				return err
			}
			planned++
			request := plan.Request{Release: release, Arch: strings.Split(name, "/")[2], Kickstart: name}
			p, err := plan.Make(images[image], request, checkout)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return nil
			}
			if p.Disk.Size < 6<<30 {
				t.Errorf("%s: the file system has %d bytes: want what the desktop says, not what it includes", name, p.Disk.Size)
			}
			for _, r := range p.Repositories {
				if r.Cost != 200 || !strings.Contains(r.URL(), request.Arch) {
					t.Errorf("%s: the repository %+v", name, r)
				}
			}
			return nil
		})
		if err != nil || planned != want {
			t.Errorf("release %s: %d kickstarts were planned, want %d (%v)", release, planned, want, err)
		}
	}
	p, err := plan.Make(desktops(t, "9")["XFCE"], plan.Request{Release: "9", Arch: "x86_64", Kickstart: "live/9/$basearch/stage/rocky-live-xfce.ks"}, upstream(t, "r9"))
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, p.Name()+"-split.txt", p.Text())
}

// find is the image that a file is named after.
func find(images map[string]plan.Pipeline, name string) string {
	for image := range images {
		if strings.EqualFold(image, name) {
			return image
		}
	}
	return ""
}

// TestFlattenedIsSplit: both forms of a desktop install the same.
func TestFlattenedIsSplit(t *testing.T) {
	checkout := upstream(t, "r9")
	for image, p := range desktops(t, "9") {
		flat, err := plan.Make(p, plan.Request{Release: "9", Arch: "x86_64"}, checkout)
		if err != nil {
			t.Fatal(err)
		}
		split, err := plan.Make(p, plan.Request{Release: "9", Arch: "x86_64", Kickstart: "live/9/$basearch/prod/rocky-live-" + strings.ToLower(image) + ".ks"}, checkout)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted(flat.Packages.Install), wanted(split.Packages.Install)); diff != "" {
			t.Errorf("%s installs otherwise than its parts:\n%s", image, diff)
		}
		if diff := cmp.Diff(wanted(flat.Packages.Exclude), wanted(split.Packages.Exclude)); diff != "" {
			t.Errorf("%s leaves out otherwise than its parts:\n%s", image, diff)
		}
		if diff := cmp.Diff(flat.Live, split.Live); diff != "" {
			t.Errorf("%s:\n%s", image, diff)
		}
	}
}

func wanted(wants []plan.Want) (names []string) {
	for _, w := range wants {
		names = append(names, w.Name+" "+strings.Join(w.GroupTypes, ","))
	}
	slices.Sort(names)
	return names
}
