package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/history"
	"github.com/quarry-project/quarry/internal/install"
)

// Two builds with real trees, of which one is taken away afterwards.
func TestDiffOfFiles(t *testing.T) {
	w := newWork(t)
	ctx := t.Context()
	var ids, trees []string
	for _, name := range []string{"old", "new\x1b[31m"} {
		root, dir := t.TempDir(), t.TempDir()
		for file, text := range map[string]string{"same": "x", "grown": name, name: ""} {
			if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		tree := filepath.Join(dir, install.TreeFile)
		if err := command.Run(ctx, command.Cmd{Args: []string{"mksquashfs", root, tree, "-all-root", "-quiet", "-no-progress"}}); err != nil {
			t.Fatal(err)
		}
		run, err := w.h.StartRun(ctx, nil, "1")
		if err != nil {
			t.Fatal(err)
		}
		id, err := w.h.StartBuild(ctx, run, history.Build{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.h.FinishStep(ctx, id, history.Step{Name: "tree", State: history.Skipped, Dir: dir}); err != nil {
			t.Fatal(err)
		}
		ids, trees = append(ids, id), append(trees, tree)
	}
	diff := func() (int, string) {
		var out, errs bytes.Buffer
		code := run([]string{"diff", "--files", "--work", w.dir, ids[0], ids[1]}, &out, &errs)
		return code, out.String() + errs.String()
	}
	code, text := diff()
	want := "\nfiles of the package trees: 1 added, 1 removed, 1 changed\n" +
		"+ -rw-r--r--  \"/new\\x1b[31m\"\n- -rw-r--r--  /old\n~ -rw-r--r--  /grown  (size 3B -> 8B)\n"
	if code != exitOK || !strings.HasSuffix(text, want) {
		t.Errorf("exit code %d:\n%s\nwant at the end:\n%s", code, text, want)
	}
	if err := os.Remove(trees[0]); err != nil {
		t.Fatal(err)
	}
	if code, text = diff(); code != exitFailed || !strings.Contains(text, "the package tree of build "+ids[0]+" is no longer there") {
		t.Errorf("exit code %d: %s", code, text)
	}
}
