package pebble

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-project/quarry/internal/command"
)

// A repoDir is one repository of the tree while it is laid out.
type repoDir struct {
	id  string // of the declared repository
	dir string // absolute; will hold repodata
}

// layOut links the packages of one repository into its folder.
func (r repoDir) layOut(pkgs []pkg, rpms map[string]string) error {
	if err := os.MkdirAll(filepath.Join(r.dir, "Packages"), 0o755); err != nil {
		return err
	}
	for _, p := range pkgs {
		if p.Rule.repo() != r.id {
			continue
		}
		to := filepath.Join(r.dir, "Packages", letter(p.Name), p.fileName())
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.Link(rpms[p.Name], to); err != nil {
			return fmt.Errorf("link package into the tree: %w", err)
		}
	}
	return nil
}

// index makes the repository's metadata and signs it.
func (r repoDir) index(ctx context.Context, comps string, signer *key) error {
	args := []string{"createrepo_c", "--quiet", "--workers=2", "--no-database", "--general-compress-type=gz",
		fmt.Sprintf("--revision=%d", epoch), "--set-timestamp-to-revision"}
	if comps != "" {
		args = append(args, "--groupfile="+comps)
	}
	if err := command.Run(ctx, command.Cmd{Args: append(args, r.dir)}); err != nil {
		return fmt.Errorf("index %s: %w", r.id, err)
	}
	repomd := filepath.Join(r.dir, "repodata", "repomd.xml")
	text, err := os.ReadFile(repomd)
	if err != nil {
		return fmt.Errorf("index %s: %w", r.id, err)
	}
	signature, err := signer.signArmored(text)
	if err != nil {
		return fmt.Errorf("sign %s: %w", r.id, err)
	}
	if err := os.WriteFile(repomd+".asc", signature, 0o644); err != nil {
		return err
	}
	return os.WriteFile(repomd+".key", signer.Public, 0o644)
}
