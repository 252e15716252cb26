package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/inspect"
	"github.com/quarry-project/quarry/internal/nevra"
)

// TestPackagesOfTheHistory asks for those of a file that a build made, of one that none made, and where nothing was ever built.
func TestPackagesOfTheHistory(t *testing.T) {
	work, file := t.TempDir(), filepath.Join(t.TempDir(), "renamed.qcow2")
	if err := os.WriteFile(file, []byte("image"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := inspect.Report{File: file}
	if err := recordedPackages(t.Context(), work, &r); err != nil || r.Packages != nil {
		t.Fatalf("without a history: %v, %v", r.Packages, err)
	}
	dirs, err := newFolders(work)
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHistory(t.Context(), dirs)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	run, err := h.StartRun(t.Context(), []string{"quarry"}, "1")
	if err != nil {
		t.Fatal(err)
	}
	build, err := h.StartBuild(t.Context(), run, history.Build{Image: history.Image{Distro: "rocky", Release: "8", Image: "A", Arch: "x86_64"}})
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string) history.Package {
		return history.Package{NEVRA: nevra.NEVRA{Name: name, Epoch: "0", Version: "1", Release: "2.el8", Arch: "noarch"}}
	}
	outcome := history.Outcome{
		State: history.Done, Installed: []history.Package{of("b"), of("a")},
		Artifacts: []history.Artifact{{Format: "qcow2", Path: "/elsewhere", Size: 5, Digest: digest.Bytes([]byte("image"))}},
	}
	if err := h.FinishBuild(t.Context(), build, outcome); err != nil {
		t.Fatal(err)
	}
	if err := recordedPackages(t.Context(), work, &r); err != nil || !slices.Equal(r.Packages, []string{"a-1-2.el8.noarch", "b-1-2.el8.noarch"}) || r.Recorded != "build "+build {
		t.Errorf("got %+v, %v", r, err)
	}
	var text strings.Builder
	if err := r.Text(&text, false); err != nil || !strings.Contains(text.String(), "2, not read but recorded by build "+build) {
		t.Errorf("%v:\n%s", err, text.String())
	}
	if err := os.WriteFile(file, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	r = inspect.Report{File: file}
	if err := recordedPackages(t.Context(), work, &r); err != nil || r.Packages != nil || r.Recorded != "" {
		t.Errorf("of another file: %+v, %v", r, err)
	}
}
