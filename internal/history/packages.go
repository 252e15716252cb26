package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"

	"github.com/quarry-project/quarry/internal/digest"
)

// Kind says which packages of a build are meant.
type Kind int

// A Lock's packages are known before anything is built; what is installed may differ from them, by what scripts add and remove.
const (
	Locked    Kind = 0
	Installed Kind = 1
)

func keepPackages(ctx context.Context, tx *sql.Tx, build string, kind Kind, packages []Package) error {
	if len(packages) == 0 {
		return nil
	}
	var members []int64
	for _, p := range packages {
		all := []any{p.Name, p.Epoch, p.Version, p.Release, p.Arch, p.Size}
		_, err := tx.ExecContext(ctx, `INSERT INTO packages (name, epoch, version, release, arch, size) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, all...)
		if err != nil {
			return err
		}
		var id int64
		err = tx.QueryRowContext(ctx, `
			SELECT id FROM packages WHERE name = ? AND epoch = ? AND version = ? AND release = ? AND arch = ? AND size = ?`, all...).Scan(&id)
		if err != nil {
			return err
		}
		members = append(members, id)
	}
	slices.Sort(members)
	list, err := json.Marshal(slices.Compact(members))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO package_sets (members) VALUES (?) ON CONFLICT DO NOTHING`, string(list)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT OR REPLACE INTO build_sets (build, kind, package_set) SELECT ?, ?, id FROM package_sets WHERE members = ?`, build, kind, string(list))
	return err
}

// Packages are a build's packages, sorted by name; none when the build did not come so far.
func (h *History) Packages(ctx context.Context, build string, kind Kind) ([]Package, error) {
	return collect(ctx, h, func(rows *sql.Rows) (Package, error) {
		var p Package
		return p, rows.Scan(&p.Name, &p.Epoch, &p.Version, &p.Release, &p.Arch, &p.Size)
	}, `SELECT p.name, p.epoch, p.version, p.release, p.arch, p.size
		FROM build_sets b JOIN package_sets s ON s.id = b.package_set, json_each(s.members) m JOIN packages p ON p.id = m.value
		WHERE b.build = ? AND b.kind = ? ORDER BY p.name, p.arch, p.epoch, p.version, p.release`, build, kind)
}

// Updated is a package whose version changed, up or down: which of both is newer is rpm's knowledge.
type Updated struct {
	From Package `json:"from"`
	To   Package `json:"to"`
}

// PackageChanges is how two sets of packages differ.
type PackageChanges struct {
	Added   []Package `json:"added,omitempty"`
	Removed []Package `json:"removed,omitempty"`
	Updated []Updated `json:"updated,omitempty"`
}

// Empty reports whether nothing changed.
func (c PackageChanges) Empty() bool { return len(c.Added)+len(c.Removed)+len(c.Updated) == 0 }

// ComparePackages compares sets of packages by name and architecture. Of names that are there in several versions, as kernels may be, each
// version that only one side has is paired with one of the other side, in order, as long as there are any.
func ComparePackages(from, to []Package) PackageChanges {
	type key struct{ name, arch string }
	group := func(side, other []Package) map[key][]Package {
		have := map[string]bool{}
		for _, p := range other {
			have[p.String()] = true
		}
		groups := map[key][]Package{}
		for _, p := range side {
			if !have[p.String()] {
				k := key{p.Name, p.Arch}
				groups[k] = append(groups[k], p)
			}
		}
		return groups
	}
	gone, come := group(from, to), group(to, from)
	var c PackageChanges
	for k, old := range gone {
		now := come[k]
		both := min(len(old), len(now))
		for i := range both {
			c.Updated = append(c.Updated, Updated{From: old[i], To: now[i]})
		}
		c.Removed = append(c.Removed, old[both:]...)
		come[k] = now[both:]
	}
	for _, now := range come {
		c.Added = append(c.Added, now...)
	}
	byName := func(a, b Package) int { return strings.Compare(a.String(), b.String()) }
	slices.SortFunc(c.Added, byName)
	slices.SortFunc(c.Removed, byName)
	slices.SortFunc(c.Updated, func(a, b Updated) int { return byName(a.From, b.From) })
	return c
}

// PackagesOf are the installed packages of the newest build that made the file with the digest, sorted by name, and that build's id. Both are empty
// when no build of the history made it.
func (h *History) PackagesOf(ctx context.Context, file digest.Digest) (build string, packages []Package, err error) {
	ids, err := collect(ctx, h, func(rows *sql.Rows) (string, error) {
		var id string
		return id, rows.Scan(&id)
	}, `SELECT b.id FROM builds b JOIN artifacts a ON a.build = b.id WHERE a.digest = ? ORDER BY b.started DESC, b.rowid DESC LIMIT 1`, file)
	if err != nil || len(ids) == 0 {
		return "", nil, err
	}
	packages, err = h.Packages(ctx, ids[0], Installed)
	return ids[0], packages, err
}
