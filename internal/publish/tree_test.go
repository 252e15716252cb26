package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/verify"
)

const (
	file0 = "Rocky-9-GenericCloud-Base-9.6-20260101-x86_64.qcow2"
	file1 = "Rocky-9-GenericCloud-Base-9.6-20260101.1-x86_64.qcow2"
	link0 = "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2"
	link1 = "Rocky-9-GenericCloud.latest.x86_64.qcow2"
)

// itemOf is an image of the content with a report that passed.
func itemOf(t *testing.T, content string) Item {
	t.Helper()
	path := filepath.Join(t.TempDir(), "work.qcow2")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := digest.Bytes([]byte(content))
	return Item{
		Image:   artifact.Image{File: artifact.File{Path: path, Size: int64(len(content)), Digest: sum}, Format: "qcow2", Arch: "x86_64"},
		Subject: cloud(), Alias: "GenericCloud",
		Report: &verify.Report{Image: verify.Subject{File: "work.qcow2", Digest: sum}, Passed: true},
	}
}

func options() Options { return Options{Date: "20260101", Latest: true} }

func publishes(t *testing.T, dir string, o Options, items ...Item) Result {
	t.Helper()
	r, err := Tree(dir).Publish(t.Context(), items, o)
	if err != nil {
		t.Fatal(err)
	}
	consistent(t, dir)
	return r
}

func TestPublish(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "tree")
	r := publishes(t, dir, options(), itemOf(t, "first"))
	if p := r.Items[0]; !r.Changed || p.File != file0 || !p.New || strings.Join(p.Links, " ") != link0+" "+link1 || p.Withheld != "" || r.Dir != dir {
		t.Errorf("got %+v", r)
	}
	got := picture(t, dir)
	sum := func(name, content string) string {
		return Checksum{name, int64(len(content)), digest.Bytes([]byte(content))}.String()
	}
	want := map[string]string{
		file0: "first", link0: "-> " + file0, link1: "-> " + file0,
		file0 + ".CHECKSUM": sum(file0, "first"), link0 + ".CHECKSUM": sum(link0, "first"), link1 + ".CHECKSUM": sum(link1, "first"),
		"CHECKSUM": sum(file0, "first") + sum(link0, "first") + sum(link1, "first"),
	}
	if !samePicture(got, want) {
		t.Errorf("the tree holds %v\nwant %v", got, want)
	}
	for name := range want {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v; want everybody to be able to read it", name, info, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dir, private)); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v; want only the lock and the reports", entries, err)
	}
}

// TestPublishKeepsHoles: a fixed VHD is mostly holes.
func TestPublishKeepsHoles(t *testing.T) {
	dir := t.TempDir()
	item := itemOf(t, "begin"+strings.Repeat("\000", 32<<20)+"end")
	publishes(t, dir, options(), item)
	paths, err := filepath.Glob(filepath.Join(dir, "*-20260101-*.qcow2"))
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	var s unix.Stat_t
	if err := unix.Stat(paths[0], &s); err != nil {
		t.Fatal(err)
	}
	if s.Size != item.Image.Size || s.Blocks*512 > 1<<20 {
		t.Errorf("of %d bytes it has %d, and takes %d", item.Image.Size, s.Size, s.Blocks*512)
	}
}

func TestSecondBuildOfTheDay(t *testing.T) {
	dir := t.TempDir()
	first, second := itemOf(t, "first"), itemOf(t, "second")
	publishes(t, dir, options(), first)
	if r := publishes(t, dir, options(), second); r.Items[0].File != file1 {
		t.Errorf("got %+v, want %s", r, file1)
	}
	if got := picture(t, dir); got[link0] != "-> "+file1 || got[link1] != "-> "+file1 || got[file0] != "first" {
		t.Errorf("the tree holds %v", got)
	}
	// Publishing the first again is the way back.
	if r := publishes(t, dir, options(), first); r.Items[0].New || !r.Changed {
		t.Errorf("got %+v", r)
	}
	if got := picture(t, dir); got[link0] != "-> "+file0 || len(got) != 9 {
		t.Errorf("the tree holds %v", got)
	}
}

func TestSameContentChangesNothing(t *testing.T) {
	dir := t.TempDir()
	item := itemOf(t, "first")
	publishes(t, dir, options(), item)
	before := times(t, dir)
	r := publishes(t, dir, options(), item)
	if r.Changed || r.Items[0].New || r.Items[0].File != file0 || len(r.Items[0].Links) != 2 {
		t.Errorf("got %+v", r)
	}
	if after := times(t, dir); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("files were written again:\n%v\n%v", before, after)
	}
}

func TestLatestNeedsAReportThatPassed(t *testing.T) {
	dir := t.TempDir()
	publishes(t, dir, options(), itemOf(t, "good"))
	failed, unverified, unwanted := itemOf(t, "failed"), itemOf(t, "unverified"), itemOf(t, "unwanted")
	failed.Report.Passed = false
	unverified.Report = nil
	unproven := itemOf(t, "unproven")
	unproven.Report.Unproven = "its boot loader"
	for _, tc := range []struct {
		item     Item
		latest   bool
		withheld string
	}{
		{failed, true, "verification failed"}, {unverified, true, "the image was not verified"}, {unwanted, false, "not asked for"},
		{unproven, true, "nothing showed its boot loader"},
	} {
		r := publishes(t, dir, Options{Date: "20260102", Latest: tc.latest}, tc.item)
		if p := r.Items[0]; p.Withheld != tc.withheld || p.Links != nil || !p.New {
			t.Errorf("got %+v, want %q", p, tc.withheld)
		}
		if got := picture(t, dir); got[link0] != "-> "+file0 || got[link1] != "-> "+file0 {
			t.Errorf("%s: a link moved: %v", tc.withheld, got)
		}
	}
	before := picture(t, dir)
	other := itemOf(t, "other")
	other.Report = itemOf(t, "good").Report
	if _, err := Tree(dir).Publish(t.Context(), []Item{other}, options()); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("a report of another image: %v", err)
	}
	if !samePicture(before, picture(t, dir)) {
		t.Error("the tree changed")
	}
}

func TestRefusedLeavesTheTree(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	with := func(edit func(*Item)) []Item {
		item := itemOf(t, "second")
		edit(&item)
		return []Item{item}
	}
	twice := itemOf(t, "twice")
	for _, tc := range []struct {
		name  string
		ctx   context.Context
		items []Item
		date  string
		want  string
	}{
		{"image changed", t.Context(), with(func(i *Item) { _ = os.WriteFile(i.Image.Path, []byte("SECOND"), 0o600) }), "20260101", "changed since it was made"},
		{"image cut off", t.Context(), with(func(i *Item) { _ = os.Truncate(i.Image.Path, 3) }), "20260101", "changed since it was made"},
		{"image gone", t.Context(), with(func(i *Item) { _ = os.Remove(i.Image.Path) }), "20260101", "no such file"},
		{"no digest", t.Context(), with(func(i *Item) { i.Image.Digest = "" }), "20260101", "no digest"},
		{"date", t.Context(), with(func(*Item) {}), "yesterday", "YYYYMMDD"},
		{"path in a name", t.Context(), with(func(i *Item) { i.Subject.Image = "../x" }), "20260101", "../x"},
		{"twice the same", t.Context(), []Item{twice, twice}, "20260101", "both would be"},
		{"cancelled", ended, with(func(*Item) {}), "20260101", "canceled"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			publishes(t, dir, options(), itemOf(t, "first"))
			before := picture(t, dir)
			_, err := Tree(dir).Publish(tc.ctx, tc.items, Options{Date: tc.date, Latest: true})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if !samePicture(before, picture(t, dir)) {
				t.Error("the tree changed")
			}
			if _, err := os.Stat(filepath.Join(dir, private, stagingDir)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("staged files are left: %v", err)
			}
		})
	}
}

func TestNamesOfOthersAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{file0: "somebody's", "notes.txt": "x", "foreign.CHECKSUM": "no checksum", "foreign": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var warnings []string
	o := options()
	o.Report = func(e progress.Event) {
		if e.Kind == progress.Warning {
			warnings = append(warnings, e.Message)
		}
	}
	r, err := Tree(dir).Publish(t.Context(), []Item{itemOf(t, "ours")}, o)
	if err != nil || r.Items[0].File != file1 {
		t.Fatalf("got %+v, %v; want the next free name", r, err)
	}
	got := picture(t, dir)
	if got[file0] != "somebody's" || got["notes.txt"] != "x" || got["foreign.CHECKSUM"] != "no checksum" || strings.Contains(got[checksumAll], "foreign") {
		t.Errorf("the tree holds %v", got)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "foreign.CHECKSUM") {
		t.Errorf("warnings: %q", warnings)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, link0)), os.WriteFile(filepath.Join(dir, link0), []byte("a file"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Tree(dir).Publish(t.Context(), []Item{itemOf(t, "more")}, options()); err == nil || !strings.Contains(err.Error(), "is no link") {
		t.Errorf("a file under the link's name: %v", err)
	}
}

func TestManualRollbackIsNotTakenForTheOldState(t *testing.T) {
	dir := t.TempDir()
	publishes(t, dir, options(), itemOf(t, "first"))
	publishes(t, dir, options(), itemOf(t, "other"))
	path := filepath.Join(dir, link0)
	if err := errors.Join(os.Remove(path), os.Symlink(file0, path)); err != nil {
		t.Fatal(err)
	}
	// The link's checksum is wrong now; publishing something else leaves it out of CHECKSUM and does not vouch for it.
	o := options()
	o.Latest = false
	if _, err := Tree(dir).Publish(t.Context(), []Item{itemOf(t, "third")}, o); err != nil {
		t.Fatal(err)
	}
	if text := picture(t, dir)[checksumAll]; strings.Contains(text, link0) || !strings.Contains(text, link1) {
		t.Errorf("CHECKSUM holds\n%s", text)
	}
	publishes(t, dir, options(), itemOf(t, "third"))
}

func TestInstallerOfTheReleaseDay(t *testing.T) {
	dir := t.TempDir()
	iso := func(content string) Item {
		i := itemOf(t, content)
		i.Subject = cloud(func(s *Subject) { s.Kind, s.Image, s.Format = Installer, "dvd", "iso" })
		return i
	}
	o := options()
	o.Date = ""
	publishes(t, dir, o, iso("first"))
	if _, err := Tree(dir).Publish(t.Context(), []Item{iso("second")}, o); err == nil || !strings.Contains(err.Error(), "give a date") {
		t.Errorf("a second installer of the release day: %v", err)
	}
	r := publishes(t, dir, options(), iso("second"))
	if r.Items[0].File != "Rocky-9.6-20260101-x86_64-dvd.iso" || picture(t, dir)["Rocky-x86_64-dvd.iso"] != "-> "+r.Items[0].File {
		t.Errorf("got %+v", r)
	}
}
