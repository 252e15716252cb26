package builders

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/engine"
	"github.com/quarry-project/quarry/internal/plan"
)

func TestOneTreeThatFailsDoesNotHideTheOthers(t *testing.T) {
	root := t.TempDir()
	image, taken := filepath.Join(root, "disk.qcow2"), filepath.Join(root, "a file")
	for _, path := range []string{image, taken} {
		if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := Outcome{
		Plan: plan.Plan{
			DistroName: "Pebble", Release: "9", Version: "9.6", Image: "GenericCloud", Variant: "Base", Arch: "x86_64", Builder: "disk", Naming: "wiki",
		},
		Images: []artifact.Image{{
			File: artifact.File{Path: image, Size: 7, Digest: digest.Bytes([]byte("content"))}, Format: "qcow2", Arch: "x86_64",
		}},
	}
	var records []engine.Record
	s := Setup{Runner: &engine.Runner{OnDone: func(r engine.Record) { records = append(records, r) }}}
	for _, dir := range []string{filepath.Join(root, "first"), taken, filepath.Join(root, "last")} {
		s.Publish = append(s.Publish, Publish{Dir: dir, Date: "20260101"})
	}
	err := s.PublishOutcome(t.Context(), &out)
	var step *engine.StepError
	if !errors.As(err, &step) || step.Step != "publish" || !strings.Contains(err.Error(), taken) {
		t.Errorf("got %v, want that publishing into %s failed", err, taken)
	}
	if len(out.Published) != 3 || len(records) != 2 {
		t.Fatalf("got %+v, %+v", out.Published, records)
	}
	for i, d := range out.Published {
		if d.Dir != s.Publish[i].Dir || (d.Error != "") != (i == 1) {
			t.Errorf("destination %d is %+v", i, d)
		}
		if i != 1 && (len(d.Items) != 1 || !d.Items[0].New) {
			t.Errorf("destination %d holds %+v", i, d.Items)
		}
	}
}
