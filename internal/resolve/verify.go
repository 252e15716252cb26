package resolve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/command"
	"github.com/quarry-project/quarry/internal/durable"
	"github.com/quarry-project/quarry/internal/progress"
)

// batch is how many RPMs one rpmkeys checks: enough that its start doesn't matter.
const batch = 64

// verify checks that every RPM is signed by one of the keys, in a database of its own that knows no other key.
func verify(ctx context.Context, rpms map[string]artifact.File, keys []Key, report progress.Func) error {
	if len(keys) == 0 {
		return errors.New("checking the packages' signatures: there is no key to check them with")
	}
	work, err := os.MkdirTemp("", "quarry-keys-*")
	if err != nil {
		return fmt.Errorf("checking the packages' signatures: %w", err)
	}
	defer os.RemoveAll(work)
	db := filepath.Join(work, "db")
	if err := os.Mkdir(db, 0o700); err != nil {
		return fmt.Errorf("checking the packages' signatures: %w", err)
	}
	for i, k := range keys {
		file := filepath.Join(work, fmt.Sprintf("key-%d.asc", i))
		if err := durable.WriteFile(file, []byte(k.Armored)); err != nil {
			return err
		}
		if err := command.Run(ctx, rpmkeys(db, "--import", file)); err != nil {
			return fmt.Errorf("importing the key %s: %w", k.Fingerprint, err)
		}
	}
	byPath := map[string]string{} // equal files of two repositories count once
	for key, f := range rpms {
		byPath[f.Path] = key
	}
	var done atomic.Int64
	var mu sync.Mutex
	var bad []string
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for paths := range slices.Chunk(slices.Sorted(maps.Keys(byPath)), batch) {
		group.Go(func() error {
			suspects, err := check(ctx, db, paths)
			if err != nil {
				return fmt.Errorf("checking the packages' signatures: %w", err)
			}
			for path, why := range suspects {
				mu.Lock()
				bad = append(bad, byPath[path]+": "+why)
				mu.Unlock()
			}
			report.Count("signatures", done.Add(int64(len(paths))), int64(len(byPath)), progress.Packages)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(bad) == 0 {
		return nil
	}
	e := &SignatureError{Packages: bad}
	slices.Sort(e.Packages)
	for _, k := range keys {
		e.Keys = append(e.Keys, k.Fingerprint)
	}
	return e
}

// check returns the RPMs that are not signed by a known key, with what rpm says of them.
func check(ctx context.Context, db string, paths []string) (map[string]string, error) {
	out, err := command.Output(ctx, rpmkeys(db, append([]string{"--checksig"}, paths...)...))
	if err == nil {
		return nil, nil
	}
	var failed *command.Error
	if ctx.Err() != nil || !errors.As(err, &failed) || failed.ExitCode <= 0 {
		return nil, err
	}
	suspects := map[string]string{}
	for line := range bytes.Lines(out) {
		path, verdict, ok := strings.Cut(strings.TrimSpace(string(line)), ": ")
		if ok && slices.Contains(paths, path) && strings.HasSuffix(verdict, "NOT OK") {
			suspects[path] = verdict
		}
	}
	if len(suspects) == 0 {
		return nil, err // it failed for another reason, which standard error holds
	}
	for path := range suspects {
		detail, _ := command.Output(ctx, rpmkeys(db, "--checksig", "--verbose", path)) // fails as it just did
		suspects[path] = explainSignature(string(detail), suspects[path])
	}
	return suspects, nil
}

// explainSignature says in a few words what rpmkeys --verbose complains about.
func explainSignature(detail, verdict string) string {
	signed := false
	for line := range strings.Lines(detail) {
		line = strings.TrimSpace(line)
		if !strings.Contains(line, "Signature, key ID") {
			continue
		}
		signed = true
		what, result, _ := strings.Cut(line, ": ")
		_, id, _ := strings.Cut(what, "key ID ")
		switch {
		case result == "NOKEY":
			return "signed by another key, " + id
		case result != "OK":
			return "its signature by " + id + " is " + result
		}
	}
	if !signed && strings.Contains(strings.ToLower(verdict), "signatures") {
		return "not signed"
	}
	return verdict
}

// rpmkeys calls the program so that it takes nothing for good that isn't signed, and sees only our database.
func rpmkeys(db string, args ...string) command.Cmd {
	return command.Cmd{
		Args: append([]string{"rpmkeys", "--define", "_dbpath " + db, "--define", "_pkgverify_level all", "--define", "_pkgverify_flags 0x0"}, args...),
		Env:  []string{"PATH=" + os.Getenv("PATH") + ":/usr/bin:/usr/sbin", "LC_ALL=C", "HOME=" + db},
	}
}
