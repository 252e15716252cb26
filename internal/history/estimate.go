package history

import (
	"context"
	"database/sql"
)

// recent is how many of the newest builds an estimate is made of: hosts and images change.
const recent = 10

// ofImage is a condition on builds; an empty field of the image means any.
const ofImage = `(?1 = '' OR b.distro = ?1) AND (?2 = '' OR b.release = ?2) AND (?3 = '' OR b.image = ?3)
	AND (?4 = '' OR b.variant = ?4) AND (?5 = '' OR b.arch = ?5)`

func (i Image) args(more ...any) []any {
	return append([]any{i.Distro, i.Release, i.Image, i.Variant, i.Arch}, more...)
}

// LastPublished is the newest build of an image that has a published file, with all its parts; false when there is none.
func (h *History) LastPublished(ctx context.Context, image Image) (Build, bool, error) {
	builds, err := collect(ctx, h, scanBuild, `SELECT `+buildColumns+` FROM builds b WHERE `+ofImage+`
		AND EXISTS (SELECT 1 FROM publications WHERE build = b.id)
		ORDER BY started DESC, rowid DESC LIMIT 1`, image.args()...)
	if err != nil || len(builds) == 0 {
		return Build{}, false, err
	}
	b := builds[0]
	err = h.parts(ctx, &b)
	return b, true, err
}

// StepEstimate is how long a step took in earlier builds of an image.
type StepEstimate struct {
	Step    string  `json:"step"`
	Seconds float64 `json:"seconds"` // average of a build; several steps of one name in a build count as one
	Builds  int     `json:"builds"`  // how many builds that is the average of
}

// StepSeconds estimates the steps of an image, sorted by name, from the newest builds in which they really ran.
func (h *History) StepSeconds(ctx context.Context, image Image) ([]StepEstimate, error) {
	return collect(ctx, h, func(rows *sql.Rows) (StepEstimate, error) {
		var e StepEstimate
		return e, rows.Scan(&e.Step, &e.Seconds, &e.Builds)
	}, `WITH times AS (
			SELECT s.name AS name, sum(s.seconds) AS seconds,
				row_number() OVER (PARTITION BY s.name ORDER BY b.started DESC, b.rowid DESC) AS newest
			FROM steps s JOIN builds b ON b.id = s.build WHERE s.state = 'done' AND `+ofImage+`
			GROUP BY b.rowid, s.name)
		SELECT name, avg(seconds), count(*) FROM times WHERE newest <= ?6 GROUP BY name ORDER BY name`, image.args(recent)...)
}

// SizeEstimate is how large a file of a format was in earlier builds of an image.
type SizeEstimate struct {
	Format string `json:"format"`
	Bytes  int64  `json:"bytes"` // average
	Builds int    `json:"builds"`
}

// Sizes estimates the files of an image, sorted by format, from the newest builds.
func (h *History) Sizes(ctx context.Context, image Image) ([]SizeEstimate, error) {
	return collect(ctx, h, func(rows *sql.Rows) (SizeEstimate, error) {
		var e SizeEstimate
		return e, rows.Scan(&e.Format, &e.Bytes, &e.Builds)
	}, `WITH files AS (
			SELECT a.format AS format, a.size AS size,
				row_number() OVER (PARTITION BY a.format ORDER BY b.started DESC, b.rowid DESC) AS newest
			FROM artifacts a JOIN builds b ON b.id = a.build WHERE `+ofImage+`)
		SELECT format, CAST(avg(size) AS INTEGER), count(*) FROM files WHERE newest <= ?6 GROUP BY format ORDER BY format`, image.args(recent)...)
}
