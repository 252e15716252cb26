package pipelines_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/plan"
	"github.com/quarry-project/quarry/internal/source"
	"github.com/quarry-project/quarry/kickstarts"
	"github.com/quarry-project/quarry/pipelines"
	"github.com/quarry-project/quarry/test/golden"
	"github.com/quarry-project/quarry/test/shared"
)

// check makes the plans of one pipeline for every architecture that release 9 has: the whole of x86_64, and what people see of the others.
func check(t *testing.T, request plan.Request, checkout source.Checkout) {
	catalog, err := plan.Load(pipelines.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range arch.All() {
		if row.CPU[request.Release] == "" {
			continue
		}
		a := row.Name
		request.Arch = a
		pipeline, err := catalog.Find(request)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Make(pipeline, request, checkout)
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, p.Name()+".txt", p.Text())
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
		if a == "x86_64" {
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
	}
}

func TestPebble(t *testing.T) {
	check(t, plan.Request{Distro: "pebble", Release: "9", Image: "GenericCloud", Mirror: "file:///pebble"}, source.Own(kickstarts.Files))
}

func TestRockyWithTheUpstreamKickstart(t *testing.T) {
	checkout, err := source.Open(t.Context(), source.Options{
		CacheDir: t.TempDir(), Branch: "r9", Override: filepath.Join(shared.Dir(t), "data", "rocky-kickstarts.bundle"),
	})
	if err != nil {
		t.Fatal(err)
	}
	checkout.URL = "rocky-kickstarts.bundle" // without this machine's folder
	check(t, plan.Request{Distro: "rocky", Release: "9", Image: "GenericCloud"}, checkout)
}

func TestSources(t *testing.T) {
	catalog, err := source.LoadCatalog(kickstarts.Files)
	if err != nil {
		t.Fatal(err)
	}
	s, branch, err := catalog.Find("rocky", "9")
	if err != nil || branch != "r9" || len(s.URLs) < 2 {
		t.Errorf("Rocky 9's kickstarts: %+v, branch %q: %v", s, branch, err)
	}
}
