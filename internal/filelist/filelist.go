// Package filelist lists the files of a package tree and compares such lists. It reads names, kinds, permissions, sizes and link targets, never what is
// in a file, and it changes nothing.
package filelist

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/command"
)

// File is an entry of a tree.
type File struct {
	Path   string `json:"path"`           // absolute in the tree
	Mode   string `json:"mode"`           // as ls writes it: "-rw-r--r--"
	Owner  string `json:"owner"`          // numbers: "0/0"
	Size   int64  `json:"size,omitempty"` // bytes, of a regular file
	Target string `json:"target,omitempty"`
}

// Pair is an entry that is in both trees and differs.
type Pair struct {
	From File `json:"from"`
	To   File `json:"to"`
}

// Changes is how two trees differ. A file whose size and permissions are the same counts as the same: nothing looks into it.
type Changes struct {
	Added   []File `json:"added"`
	Removed []File `json:"removed"`
	Changed []Pair `json:"changed"`
}

// Squash lists the files of a squashfs, sorted by path.
func Squash(ctx context.Context, path string) ([]File, error) {
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := command.Run(ctx, command.Cmd{Args: []string{"unsquashfs", "-lln", "-d", prefix, path}, Stdout: in})
		in.CloseWithError(err)
		done <- err
	}()
	files, err := parse(out)
	out.CloseWithError(err)
	if rerr := <-done; rerr != nil {
		err = rerr
	}
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", path, err)
	}
	return files, nil
}

// prefix stands before every path of the list: it tells entries from what else unsquashfs prints.
const prefix = "quarry-root"

// entry is a line of unsquashfs -lln: permissions, numeric owner, size (of a device its numbers), time, path. The path of a link ends
// with " -> " and what it means.
var entry = regexp.MustCompile(`^([-dlcbps][-rwxsStT]{9}) ([0-9]+/[0-9]+) +([0-9]+|[0-9]+, *[0-9]+) [0-9-]+ [0-9:]+ ` + prefix + `(/.*)$`)

const (
	maxFiles = 2_000_000
	maxLine  = 64 << 10 // bytes; a path has 4 KiB at most
)

// parse reads what unsquashfs lists. Names are foreign: a line that is no entry, such as the rest of a name with a line break, is left out.
func parse(r io.Reader) ([]File, error) {
	var files []File
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		m := entry.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		f := File{Path: m[4], Mode: m[1], Owner: m[2]}
		switch f.Mode[0] {
		case '-':
			n, err := strconv.ParseInt(m[3], 10, 64)
			if err != nil {
				continue
			}
			f.Size = n
		case 'l':
			f.Path, f.Target, _ = strings.Cut(f.Path, " -> ")
		}
		if files = append(files, f); len(files) > maxFiles {
			return nil, fmt.Errorf("there are more than %d files", maxFiles)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

// Compare compares two sorted lists.
func Compare(from, to []File) Changes {
	c := Changes{Added: []File{}, Removed: []File{}, Changed: []Pair{}}
	for len(from) > 0 || len(to) > 0 {
		switch {
		case len(to) == 0 || len(from) > 0 && from[0].Path < to[0].Path:
			c.Removed, from = append(c.Removed, from[0]), from[1:]
		case len(from) == 0 || to[0].Path < from[0].Path:
			c.Added, to = append(c.Added, to[0]), to[1:]
		default:
			if from[0] != to[0] {
				c.Changed = append(c.Changed, Pair{From: from[0], To: to[0]})
			}
			from, to = from[1:], to[1:]
		}
	}
	return c
}
