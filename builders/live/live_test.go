package live

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quarry-project/quarry/builders"
	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/install"
	"github.com/quarry-project/quarry/internal/iso"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/test/golden"
)

// cases are the layouts: each architecture, and x86_64 with both loaders.
func cases(t *testing.T) map[string]struct {
	arch   arch.Arch
	loader string
} {
	t.Helper()
	all := map[string]struct {
		arch   arch.Arch
		loader string
	}{}
	for _, a := range arch.All() {
		for _, wanted := range []string{iso.Isolinux, iso.Grub2} {
			l := loader(a, wanted)
			all[strings.TrimSuffix(a.Name+"-"+l, "-")] = struct {
				arch   arch.Arch
				loader string
			}{a, l}
		}
	}
	if len(all) != len(arch.All())+1 {
		t.Fatalf("%d layouts", len(all))
	}
	return all
}

func TestBootSpec(t *testing.T) {
	for name, c := range cases(t) {
		golden.JSON(t, "boot-"+name+".json", bootSpec(c.arch, c.loader))
	}
}

// What a medium wants of the packages is what the ISO needs: with all of it, every layout's Spec is sound.
func TestWantedFilesAreEnoughForTheISO(t *testing.T) {
	p := plan.Plan{
		DistroName: "Rocky", Version: "9.6", Image: "XFCE",
		Live: &plan.Live{VolumeID: "Rocky-9-6-XFCE", Title: "Rocky Linux 9.6 XFCE", Squash: "xz", Inner: true},
	}
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			set := install.BootSet{Files: map[string]artifact.File{}}
			add := func(name string) { set.Files[name] = artifact.File{Path: "/boot/" + name} }
			add(install.BootKernel)
			add(install.BootInitrd)
			spec := bootSpec(c.arch, c.loader)
			for _, f := range spec.Files {
				if f.All {
					f.Name += "/some.mod"
				}
				add(f.Name)
			}
			for _, m := range spec.Make {
				add(m.Name)
			}
			live := *p.Live
			live.Boot = c.loader
			in := isoInput{Live: live, Args: arguments(live.VolumeID), Time: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
			got := isoSpec(p, c.arch, in, parts{squash: artifact.File{Path: "/squash"}, boot: set})
			if err := got.Check(); err != nil {
				t.Error(err)
			}
			if got.Family != "Rocky Linux" || got.Menu.Args != "root=live:CDLABEL=Rocky-9-6-XFCE rd.live.image quiet" {
				t.Errorf("%+v", got)
			}
			golden.JSON(t, "iso-"+name+".json", got)
		})
	}
}

func TestFamily(t *testing.T) {
	for title, want := range map[string]string{"Rocky Linux 9.6 XFCE": "Rocky Linux", "": "Rocky", " 9.6": "Rocky", "Title": "Title"} {
		if got := family(title, "9.6", "Rocky"); got != want {
			t.Errorf("%q: %q", title, got)
		}
	}
}

func TestPhasesAreKept(t *testing.T) {
	var passed int
	report, phases := watch("squash", func(progress.Event) { passed++ })
	_ = report.Phase(t.Context(), "xz", func(context.Context) error { time.Sleep(time.Millisecond); return nil })
	_ = report.Phase(t.Context(), "bad", func(context.Context) error { return errors.New("no") })
	report.Log("a line")
	if got := phases(); len(got) != 1 || got[0].Step != "squash" || got[0].Name != "xz" || got[0].Seconds <= 0 || passed != 2 {
		t.Errorf("%+v, %d events", got, passed)
	}
}

func TestPlanWithoutALivePart(t *testing.T) {
	if _, err := (Builder{}).Build(t.Context(), builders.Job{}); err == nil {
		t.Error("a plan that is no live image's was built")
	}
}
