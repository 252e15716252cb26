package history

import (
	"context"
	"database/sql"
	"time"
)

// Root is what a build that must be kept has on the disk, outside the history.
type Root struct {
	Build   string
	Recent  bool   // its run is kept, or running
	Reason  string // for people: "run 1a2b3c4d is kept"
	Started time.Time
	Logs    string   // folder
	Dirs    []string // folders of results
}

// Roots lists what must not be removed: what the newest runs used, as many as keep, what running ones have used so far, and what the last
// published build of each image was made of, so that an image that has not changed is not built again. They
// are in the order of their start.
func (h *History) Roots(ctx context.Context, keep int) ([]Root, error) {
	if err := h.settle(ctx); err != nil {
		return nil, err
	}
	roots, err := collect(ctx, h, func(rows *sql.Rows) (Root, error) {
		var r Root
		var started int64
		err := rows.Scan(&r.Build, &r.Recent, &r.Reason, &r.Logs, &started)
		r.Started = fromMillis(started)
		return r, err
	}, `WITH newest AS (SELECT id FROM runs ORDER BY started DESC, rowid DESC LIMIT ?1),
			published AS (
				SELECT id, row_number() OVER (PARTITION BY distro, release, image, variant, arch ORDER BY started DESC, rowid DESC) AS newest
				FROM builds WHERE EXISTS (SELECT 1 FROM publications WHERE build = builds.id))
		SELECT b.id, r.state = 'running' OR r.id IN newest, CASE
			WHEN r.state = 'running' THEN 'run ' || r.id || ' is running'
			WHEN r.id IN newest THEN 'run ' || r.id || ' is kept'
			ELSE 'it is what was published last' END, b.logs, b.started
		FROM builds b JOIN runs r ON r.id = b.run
		WHERE r.state = 'running' OR r.id IN newest OR b.id IN (SELECT id FROM published WHERE newest = 1)
		ORDER BY b.started`, keep)
	if err != nil {
		return nil, err
	}
	for i := range roots {
		roots[i].Dirs, err = collect(ctx, h, func(rows *sql.Rows) (string, error) {
			var dir string
			return dir, rows.Scan(&dir)
		}, `SELECT DISTINCT dir FROM steps WHERE build = ? AND dir <> '' ORDER BY dir`, roots[i].Build)
		if err != nil {
			return nil, err
		}
	}
	return roots, nil
}
