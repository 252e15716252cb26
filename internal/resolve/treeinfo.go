package resolve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/progress"
	"github.com/quarry-project/quarry/internal/redact"
	"github.com/quarry-project/quarry/internal/store"
)

// maxTreeinfo is the most that a .treeinfo may have, in bytes.
const maxTreeinfo = 1 << 20

// treeinfo is what Quarry needs of a .treeinfo file, productmd's INI format
// (https://productmd.readthedocs.io/en/latest/treeinfo-1.0.html).
type treeinfo struct {
	version                string
	kernel, initrd, stage2 string                   // paths in the tree
	checksums              map[string]digest.Digest // by path; only SHA-256
}

// parseTreeinfo reads a .treeinfo for an architecture.
func parseTreeinfo(data []byte, arch string) (treeinfo, error) {
	t := treeinfo{checksums: map[string]digest.Digest{}}
	file, err := ini.LoadSources(ini.LoadOptions{IgnoreContinuation: true, IgnoreInlineComment: true, KeyValueDelimiters: "=", SkipUnrecognizableLines: false}, data)
	if err != nil {
		return t, fmt.Errorf("it is no .treeinfo: %w", err)
	}
	value := func(section, key string) string {
		if s, err := file.GetSection(section); err == nil {
			return s.Key(key).String()
		}
		return ""
	}
	for _, key := range file.Section("checksums").Keys() {
		kind, hexa, ok := strings.Cut(key.String(), ":")
		if !ok || kind != "sha256" {
			continue
		}
		d, err := digest.Parse(hexa)
		if err != nil {
			return t, fmt.Errorf("the checksum of %s: %w", key.Name(), err)
		}
		t.checksums[key.Name()] = d
	}
	if got := value("tree", "arch"); got != "" && got != arch {
		return t, fmt.Errorf("the tree is for %s and not for %s", got, arch)
	}
	if t.version = value("release", "version"); t.version == "" {
		t.version = value("general", "version")
	}
	for _, part := range []struct {
		name, path string
		into       *string
	}{
		{"the kernel", value("images-"+arch, "kernel"), &t.kernel},
		{"the initrd", value("images-"+arch, "initrd"), &t.initrd},
		{"the second stage", value("stage2", "mainimage"), &t.stage2},
	} {
		if part.path == "" {
			return t, fmt.Errorf("it names no path for %s of %s", part.name, arch)
		}
		if !fs.ValidPath(part.path) || part.path == "." {
			return t, fmt.Errorf("its path for %s, %q, leaves the tree", part.name, part.path)
		}
		*part.into = part.path
	}
	return t, nil
}

// tree pins the installer tree. Files that .treeinfo has a checksum for are pinned by it and only fetched with the rest; others are
// fetched now, and what came is what is pinned.
func tree(ctx context.Context, address, arch string, s *store.Store, report progress.Func) (Tree, error) {
	address = strings.TrimRight(address, "/")
	data, err := fetchSmall(ctx, s, address+"/.treeinfo", "the installer tree's", maxTreeinfo)
	if err != nil {
		return Tree{}, err
	}
	info, err := parseTreeinfo(data, arch)
	if err != nil {
		return Tree{}, fmt.Errorf("%s/.treeinfo: %w", redact.URL(address), err)
	}
	t := Tree{URL: address, Treeinfo: digest.Bytes(data), Version: info.version}
	var requests []store.Request
	parts := []struct {
		path string
		into *File
	}{{info.kernel, &t.Kernel}, {info.initrd, &t.Initrd}, {info.stage2, &t.Stage2}}
	for _, part := range parts {
		if info.checksums[part.path] == "" {
			report.Warn(fmt.Sprintf("%s/.treeinfo has no checksum for %s: what comes is taken", redact.URL(address), part.path))
		}
		requests = append(requests, store.Request{URLs: []string{address + "/" + part.path}, Digest: info.checksums[part.path]})
	}
	files, err := s.Fetch(ctx, requests, len(requests), report)
	if err != nil {
		return Tree{}, fmt.Errorf("the installer tree: %w", err)
	}
	for i, part := range parts {
		*part.into = File{Path: part.path, Digest: files[i].Digest, Size: files[i].Size}
		if files[i].Size == 0 {
			return Tree{}, errors.New(redact.URL(address) + "/" + part.path + " is empty")
		}
	}
	return t, nil
}
