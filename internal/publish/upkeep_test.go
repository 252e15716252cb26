package publish

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// itemFor is an image of another architecture.
func itemFor(t *testing.T, content, arch string) Item {
	t.Helper()
	i := itemOf(t, content)
	i.Image.Arch, i.Subject.Arch = arch, arch
	return i
}

// on are the options for a day.
func on(date string) Options { return Options{Date: date, Latest: true} }

func dated(date, arch string) string {
	return "Rocky-9-GenericCloud-Base-9.6-" + date + "-" + arch + ".qcow2"
}

// threeDays is a tree with an image that passed, one that did not, and one that is latest, for two architectures.
func threeDays(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, arch := range []string{"x86_64", "aarch64"} {
		publishes(t, dir, on("20260101"), itemFor(t, "first "+arch, arch))
		failed := itemFor(t, "failed "+arch, arch)
		failed.Report.Passed = false
		publishes(t, dir, on("20260102"), failed)
		publishes(t, dir, on("20260103"), itemFor(t, "third "+arch, arch))
	}
	sound(t, dir)
	return dir
}

func TestRollback(t *testing.T) {
	for _, name := range []string{"GenericCloud", "rocky-9-genericcloud-base", "GenericCloud-Base", "Rocky-9-GenericCloud", link0, link1} {
		t.Run(name, func(t *testing.T) {
			dir := threeDays(t)
			r, err := Tree(dir).Rollback(t.Context(), RollbackOptions{Image: name, Archs: []string{"x86_64"}})
			if err != nil {
				t.Fatal(err)
			}
			consistent(t, dir)
			sound(t, dir)
			if len(r.Links) != 2 || r.Dir != dir || r.Links[0].Link != link0 || r.Links[1].Link != link1 {
				t.Fatalf("got %+v", r)
			}
			for _, l := range r.Links {
				if l.From != dated("20260103", "x86_64") || l.To != dated("20260101", "x86_64") || len(l.Skipped) != 1 ||
					!strings.Contains(l.Skipped[0], "20260102-x86_64.qcow2: its verification failed") {
					t.Errorf("got %+v", l)
				}
			}
			seen := picture(t, dir)
			if seen[link0] != "-> "+dated("20260101", "x86_64") || seen["Rocky-9-GenericCloud.latest.aarch64.qcow2"] != "-> "+dated("20260103", "aarch64") {
				t.Errorf("the tree holds %v", seen)
			}
		})
	}
}

func TestRollbackOfAllArchitectures(t *testing.T) {
	dir := threeDays(t)
	r, err := Tree(dir).Rollback(t.Context(), RollbackOptions{Image: "GenericCloud"})
	if err != nil || len(r.Links) != 4 {
		t.Fatalf("got %+v, %v", r, err)
	}
	consistent(t, dir)
	sound(t, dir)
	// Publishing the same content is the way forward again.
	publishes(t, dir, on("20260103"), itemFor(t, "third x86_64", "x86_64"))
	if got := picture(t, dir)[link0]; got != "-> "+dated("20260103", "x86_64") {
		t.Errorf("the link is %q", got)
	}
}

func TestRollbackRefuses(t *testing.T) {
	other := func(t *testing.T, dir string) {
		i := itemOf(t, "of release 8")
		i.Subject.Release, i.Subject.Version = "8", "8.10"
		publishes(t, dir, on("20260101"), i)
	}
	for _, tc := range []struct {
		name, image string
		archs       []string
		edit        func(*testing.T, string)
		want        string
	}{
		{"unknown", "Container", nil, nil, "the tree has links of Rocky-9-GenericCloud-Base"},
		{"ambiguous", "GenericCloud", nil, other, "which of Rocky-8-GenericCloud-Base, Rocky-9-GenericCloud-Base"},
		{"architecture", "GenericCloud", []string{"s390x"}, nil, "only for aarch64, x86_64"},
		{"no build before", "Rocky-8-GenericCloud", nil, other, "no build before Rocky-8-GenericCloud-Base-8.10-20260101-x86_64.qcow2"},
		{"one architecture has none before", "GenericCloud", nil, func(t *testing.T, dir string) {
			publishes(t, dir, on("20260101"), itemFor(t, "alone", "s390x"))
		}, "latest.s390x.qcow2: there is no build before"},
		{"damaged", "GenericCloud", nil, func(t *testing.T, dir string) {
			write(t, dir, dated("20260101", "x86_64"), "FIRST x86_64")
		}, "is damaged"},
		{"cut off file", "GenericCloud", nil, func(t *testing.T, dir string) {
			write(t, dir, dated("20260101", "x86_64"), "x")
		}, "no build before"},
		{"report gone", "GenericCloud", nil, func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, private, reportsDir)); err != nil {
				t.Fatal(err)
			}
		}, "no boot report is kept"},
		{"report of another file", "GenericCloud", nil, func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(dir, private, reportsDir, dated("20260103", "x86_64")+".json"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, private, reportsDir), dated("20260101", "x86_64")+".json", string(b))
		}, "about another file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := threeDays(t)
			if tc.edit != nil {
				tc.edit(t, dir)
			}
			before := picture(t, dir)
			_, err := Tree(dir).Rollback(t.Context(), RollbackOptions{Image: tc.image, Archs: tc.archs})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if !samePicture(before, picture(t, dir)) {
				t.Error("the tree changed")
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "none")
	if _, err := Tree(missing).Rollback(t.Context(), RollbackOptions{Image: "x"}); err == nil {
		t.Error("a tree that is not there was rolled back")
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("the tree was made")
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fiveDays is a tree with five images for one architecture and two for another.
func fiveDays(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, day := range []string{"20260101", "20260102", "20260103", "20260104", "20260105"} {
		publishes(t, dir, on(day), itemFor(t, "x86_64 "+day, "x86_64"))
	}
	for _, day := range []string{"20260101", "20260102"} {
		publishes(t, dir, on(day), itemFor(t, "aarch64 "+day, "aarch64"))
	}
	return dir
}

func TestPrune(t *testing.T) {
	dir := fiveDays(t)
	for range 3 { // so that latest means an old one
		if _, err := Tree(dir).Rollback(t.Context(), RollbackOptions{Image: "GenericCloud", Archs: []string{"x86_64"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("./"+dated("20260101", "x86_64"), filepath.Join(dir, "stable.qcow2")); err != nil {
		t.Fatal(err)
	}
	foreign := dated("20250101", "x86_64")
	write(t, dir, foreign, "of somebody else, without a checksum")
	before := picture(t, dir)
	dry, err := Tree(dir).Prune(t.Context(), PruneOptions{Keep: 2, DryRun: true})
	if err != nil || !samePicture(before, picture(t, dir)) {
		t.Errorf("a dry run: %v, %v", err, picture(t, dir))
	}
	got, err := Tree(dir).Prune(t.Context(), PruneOptions{Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	gone := dated("20260103", "x86_64")
	if len(got.Removed) != 1 || got.Removed[0] != (RemovedImage{gone, 15}) || got.Bytes != 15 || got.Kept != 6 ||
		!slices.Equal(got.Linked, []string{dated("20260101", "x86_64"), dated("20260102", "x86_64")}) {
		t.Errorf("got %+v", got)
	}
	if !dry.DryRun || got.DryRun || !slices.Equal(dry.Removed, got.Removed) {
		t.Errorf("the dry run said %+v", dry)
	}
	delete(before, gone)
	delete(before, gone+checksumSuffix)
	after := picture(t, dir)
	if strings.Contains(after[checksumAll], gone) {
		t.Error("CHECKSUM still has the image")
	}
	delete(before, checksumAll)
	delete(after, checksumAll)
	if !samePicture(before, after) {
		t.Errorf("the tree holds %v", after)
	}
	if _, err := os.Stat(filepath.Join(dir, private, reportsDir, gone+".json")); !os.IsNotExist(err) {
		t.Errorf("the report: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, foreign)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "stable.qcow2")); err != nil {
		t.Fatal(err)
	}
	sound(t, dir)
	if _, err := Tree(dir).Prune(t.Context(), PruneOptions{}); err == nil {
		t.Error("keeping nothing was accepted")
	}
}

func TestPruneKeepsTheInstallerOfTheReleaseDay(t *testing.T) {
	dir := t.TempDir()
	for _, day := range []string{"", "20260101", "20260102"} {
		i := itemOf(t, "installer "+day)
		i.Subject = cloud(func(s *Subject) { s.Kind, s.Image, s.Format = Installer, "dvd", "iso" })
		publishes(t, dir, on(day), i)
	}
	got, err := Tree(dir).Prune(t.Context(), PruneOptions{Keep: 1})
	if err != nil || len(got.Removed) != 1 || got.Removed[0].File != "Rocky-9.6-20260101-x86_64-dvd.iso" {
		t.Errorf("got %+v, %v", got, err)
	}
	sound(t, dir)
}
