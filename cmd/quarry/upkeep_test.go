package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/publish"
	"github.com/quarry-project/quarry/internal/verify"
)

// quarry runs the program and returns what it prints and its exit code.
func quarry(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, bad bytes.Buffer
	code = run(args, &out, &bad)
	return out.String(), bad.String(), code
}

// publishedTree is a tree with an image of each day.
func publishedTree(t *testing.T, days ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, day := range days {
		path := filepath.Join(t.TempDir(), "disk.qcow2")
		if err := os.WriteFile(path, []byte("image of "+day), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := digest.Bytes([]byte("image of " + day))
		_, err := publish.Tree(dir).Publish(t.Context(), []publish.Item{{
			Image: artifact.Image{File: artifact.File{Path: path, Size: 17, Digest: sum}, Format: "qcow2", Arch: "x86_64"},
			Subject: publish.Subject{
				Kind: publish.Cloud, Form: publish.Wiki, Distro: "Pebble", Release: "9", Version: "9.6", Image: "GenericCloud-Base", Arch: "x86_64", Format: "qcow2",
			},
			Report: &verify.Report{Image: verify.Subject{Digest: sum}, Passed: true},
		}}, publish.Options{Date: day, Latest: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRollbackCommand(t *testing.T) {
	dir, missing := publishedTree(t, "20260101", "20260102"), filepath.Join(t.TempDir(), "none")
	const want = "Pebble-9-GenericCloud-Base.latest.x86_64.qcow2 -> Pebble-9-GenericCloud-Base-9.6-20260101-x86_64.qcow2"
	// The tree that is not there comes first and does not keep the other from being rolled back.
	stdout, stderr, code := quarry(t, "publish", "--rollback", "GenericCloud-Base", "--publish", missing, "--publish", dir)
	if code != exitFailed || !strings.Contains(stdout, want) || !strings.Contains(stdout, missing+": NOT rolled back") || !strings.Contains(stderr, missing) {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	stdout, _, code = quarry(t, "publish", "--rollback", "GenericCloud-Base", "--publish", dir, "--json")
	var all []rolledBack
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != exitFailed || len(all) != 1 || !strings.Contains(all[0].Error, "no build before") {
		t.Errorf("exit %d, %v\n%s", code, err, stdout)
	}
	for _, args := range [][]string{
		{"publish", "--publish", dir},
		{"publish", "build", "--rollback", "x", "--publish", dir},
		{"publish", "--rollback", "x"},
		{"publish", "build", "--arch", "x86_64", "--publish", dir},
		{"prune", dir},
		{"prune", "--keep", "1"},
		{"fsck"},
	} {
		if _, stderr, code := quarry(t, args...); code != exitUsage || stderr == "" {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}

func TestPruneAndFsckCommands(t *testing.T) {
	dir := publishedTree(t, "20260101", "20260102", "20260103")
	if stdout, stderr, code := quarry(t, "prune", dir, "--keep", "2", "--dry-run"); code != 0 || !strings.Contains(stdout, "would remove 1 images, 17B; 2 stay") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	stdout, _, code := quarry(t, "prune", dir, "--keep", "2", "--json")
	var pruned publish.Pruned
	if err := json.Unmarshal([]byte(stdout), &pruned); err != nil || code != 0 || len(pruned.Removed) != 1 {
		t.Errorf("exit %d, %v\n%s", code, err, stdout)
	}
	if stdout, stderr, code := quarry(t, "fsck", dir); code != 0 || !strings.Contains(stdout, "2 images (34B) and 1 links checked: all is well") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, "a\x1b[2Jb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := quarry(t, "fsck", dir)
	if code != exitFailed || !strings.Contains(stdout, "stray ") || !strings.Contains(stdout, "1 findings") || strings.Contains(stdout, "\x1b") {
		t.Errorf("exit %d\n%q%s", code, stdout, stderr)
	}
	stdout, _, code = quarry(t, "fsck", dir, "--json", "--repair")
	var found publish.Checked
	if err := json.Unmarshal([]byte(stdout), &found); err != nil || code != exitFailed || len(found.Findings) != 1 || found.Findings[0].Problem != publish.Stray {
		t.Errorf("exit %d, %v\n%s", code, err, stdout)
	}
}
