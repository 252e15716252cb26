package pebble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-project/quarry/internal/arch"
	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/durable"
)

// A deb is one package of the resolved closure.
type deb struct {
	Name string `json:"name"` // of the file: NAME_VERSION_ARCH.deb
	Size int64  `json:"size"`
	Hash string `json:"hash"` // as apt names it: "SHA256:…"
	Path string `json:"-"`
}

// An archive is a private apt state for one architecture. It uses the host's own sources that come from Debian, with only the
// architecture changed, and leaves the host's own state alone.
type archive struct {
	dir  string // holds lists, downloaded packages and the resolved closures
	arch arch.Arch
}

// options make apt use the private state. The host's apt.conf still applies: it knows the way out (proxies, certificates).
func (a archive) options() []string {
	set := []string{
		"APT::Architecture=" + a.arch.Debian, "APT::Architectures=" + a.arch.Debian,
		"Dir::State=" + a.dir, "Dir::State::lists=" + filepath.Join(a.dir, "lists"),
		"Dir::State::status=" + filepath.Join(a.dir, "status"),
		"Dir::Cache=" + filepath.Join(a.dir, "cache"), "Dir::Cache::archives=" + filepath.Join(a.dir, "debs"),
		"Dir::Etc::sourcelist=" + filepath.Join(a.dir, "sources.list"), "Dir::Etc::sourceparts=-",
		"Debug::NoLocking=1", "Acquire::Retries=5", "Acquire::Languages=none", "Acquire::ForceHash=sha256",
		"APT::Sandbox::User=", "APT::Install-Recommends=0",
	}
	var args []string
	for _, s := range set {
		args = append(args, "-o", s)
	}
	return args
}

func (a archive) apt(ctx context.Context, args ...string) ([]byte, error) {
	return command.Output(ctx, command.Cmd{Args: slices.Concat([]string{"apt-get"}, a.options(), args),
		Env: append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")})
}

// resolve returns the closure of seeds. It is kept in the cache, so that a finished tree needs no archive; refresh asks again.
func (a archive) resolve(ctx context.Context, seeds []string, key string, refresh bool) ([]deb, error) {
	kept := filepath.Join(a.dir, "resolved-"+key+".json")
	if !refresh {
		if text, err := os.ReadFile(kept); err == nil {
			var debs []deb
			if err := json.Unmarshal(text, &debs); err == nil {
				return debs, nil
			}
		}
	}
	if err := a.update(ctx, refresh); err != nil {
		return nil, err
	}
	// apt leaves out what it has downloaded already, so it is shown an empty folder.
	out, err := a.apt(ctx, slices.Concat([]string{"install", "-qq", "-y", "--print-uris",
		"-o", "Dir::Cache::archives=" + filepath.Join(a.dir, "none")}, seeds)...)
	if err != nil {
		return nil, fmt.Errorf("resolve %d packages for %s: %w: %s", len(seeds), a.arch.Debian, err, lastLines(out))
	}
	debs, err := parseURIs(string(out))
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(debs, "", " ")
	if err != nil {
		return nil, err
	}
	return debs, durable.WriteFile(kept, text)
}

// update fetches the package lists once, or again when asked to.
func (a archive) update(ctx context.Context, refresh bool) error {
	done := filepath.Join(a.dir, "updated")
	if _, err := os.Stat(done); err == nil && !refresh {
		return nil
	}
	for _, sub := range []string{"lists/partial", "cache", "debs/partial", "none/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, sub), 0o755); err != nil {
			return err
		}
	}
	sources, err := command.Output(ctx, command.Cmd{Args: []string{"apt-get", "indextargets", "--format",
		"deb [arch=" + a.arch.Debian + "] $(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages", "Origin: Debian"}})
	if err != nil {
		return fmt.Errorf("ask apt for the host's Debian archive: %w", err)
	}
	if len(strings.TrimSpace(string(sources))) == 0 {
		return errors.New("this host's apt knows no package list of Debian's own archive; run `apt-get update` as root once")
	}
	if err := durable.WriteFile(filepath.Join(a.dir, "sources.list"), uniqueLines(sources)); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(a.dir, "status"), nil); err != nil {
		return err
	}
	// An update that fetched the main index but not all others (ports lack some) ends with an error and is good enough: what
	// is really missing shows when the closure is resolved.
	if out, err := a.apt(ctx, "update"); err != nil {
		if lists, _ := filepath.Glob(filepath.Join(a.dir, "lists", "*_Packages*")); len(lists) == 0 {
			return fmt.Errorf("fetch package lists for %s: %w: %s", a.arch.Debian, err, lastLines(out))
		}
	}
	return durable.WriteFile(done, nil)
}

// download makes sure that every package of the closure is in the cache and fills in its path.
func (a archive) download(ctx context.Context, seeds []string, debs []deb) error {
	missing := func() (first string) {
		for i := range debs {
			debs[i].Path = filepath.Join(a.dir, "debs", debs[i].Name)
			if info, err := os.Stat(debs[i].Path); err != nil || info.Size() != debs[i].Size {
				first = debs[i].Name
			}
		}
		return first
	}
	if missing() == "" {
		return nil
	}
	out, err := a.apt(ctx, slices.Concat([]string{"install", "-qq", "-y", "--download-only"}, seeds)...)
	if err != nil {
		return fmt.Errorf("download packages for %s (the archive may have moved on: try --refresh): %w: %s", a.arch.Debian, err, lastLines(out))
	}
	if name := missing(); name != "" {
		return fmt.Errorf("the archive no longer gives %s; run again with --refresh", name)
	}
	return nil
}

var uriLine = regexp.MustCompile(`^'[^']+' (\S+\.deb) (\d+) (\S*)$`)

// parseURIs reads what `apt-get --print-uris` prints: 'URI' FILE SIZE HASH.
func parseURIs(text string) ([]deb, error) {
	var debs []deb
	for _, line := range strings.Split(text, "\n") {
		m := uriLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		size, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil || m[1] != filepath.Base(m[1]) {
			return nil, fmt.Errorf("apt printed a strange package: %q", line)
		}
		debs = append(debs, deb{Name: m[1], Size: size, Hash: m[3]})
	}
	if len(debs) == 0 {
		return nil, errors.New("apt resolved no package at all")
	}
	slices.SortFunc(debs, func(x, y deb) int { return strings.Compare(x.Name, y.Name) })
	return debs, nil
}

func uniqueLines(text []byte) []byte {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), "\n") + "\n")
}

func lastLines(out []byte) string {
	text := strings.TrimSpace(string(out))
	if len(text) > 600 {
		text = "…" + text[len(text)-600:]
	}
	return text
}
