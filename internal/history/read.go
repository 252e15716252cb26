package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const buildColumns = `id, run, distro, release, image, variant, arch, version, source, branch, revision, path, kickstart,
	plan, lock, treeinfo, inputs, accel, logs, state, error, started, finished`

func scanBuild(rows *sql.Rows) (Build, error) {
	var b Build
	var started, finished int64
	err := rows.Scan(&b.ID, &b.Run, &b.Distro, &b.Release, &b.Image.Image, &b.Variant, &b.Arch, &b.Version,
		&b.Kickstart.Source, &b.Kickstart.Branch, &b.Kickstart.Commit, &b.Kickstart.Path, &b.Kickstart.Digest,
		&b.Plan, &b.Lock, &b.Treeinfo, &b.Inputs, &b.Accel, &b.Logs, &b.State, &b.Error, &started, &finished)
	b.Started, b.Finished = fromMillis(started), fromMillis(finished)
	return b, err
}

const runColumns = `id, command, version, pid, state, error, started, finished`

func scanRun(rows *sql.Rows) (Run, error) {
	var r Run
	var command string
	var started, finished int64
	if err := rows.Scan(&r.ID, &command, &r.Version, &r.PID, &r.State, &r.Error, &started, &finished); err != nil {
		return r, err
	}
	r.Started, r.Finished = fromMillis(started), fromMillis(finished)
	if err := json.Unmarshal([]byte(command), &r.Command); err != nil {
		return r, fmt.Errorf("the command of run %s: %w", r.ID, err)
	}
	return r, nil
}

// Filter chooses builds. Its zero value chooses all.
type Filter struct {
	Image  string    // a name or glob, of the image or of the whole build: "GenericCloud", "rocky-9-*"
	Arch   string    // RPM's name
	Since  time.Time // started then or later
	Failed bool      // only what failed or was interrupted
	Limit  int       // at most so many, the newest; 0 is all
}

// Builds lists builds without their parts, the newest first.
func (h *History) Builds(ctx context.Context, f Filter) ([]Build, error) {
	if err := h.settle(ctx); err != nil {
		return nil, err
	}
	where, args := []string{"started >= ?"}, []any{millis(f.Since)}
	if f.Image != "" {
		where = append(where, "(image GLOB ? OR distro || '-' || release || '-' || image || '-' || variant || '-' || arch GLOB ?)")
		args = append(args, f.Image, f.Image)
	}
	if f.Arch != "" {
		where, args = append(where, "arch = ?"), append(args, f.Arch)
	}
	if f.Failed {
		where, args = append(where, "state IN (?, ?)"), append(args, Failed, Interrupted)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = -1 // SQLite's word for all
	}
	return collect(ctx, h, scanBuild, `SELECT `+buildColumns+` FROM builds WHERE `+strings.Join(where, " AND ")+`
		ORDER BY started DESC, rowid DESC LIMIT ?`, append(args, limit)...)
}

// Runs lists runs without their builds, the newest first; at most limit of them, 0 is all.
func (h *History) Runs(ctx context.Context, limit int) ([]Run, error) {
	if err := h.settle(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = -1
	}
	return collect(ctx, h, scanRun, `SELECT `+runColumns+` FROM runs ORDER BY started DESC, rowid DESC LIMIT ?`, limit)
}

// Run returns a run with all its parts. id may be the beginning of the run's id, if it is the only one: else the error is an *IDError.
func (h *History) Run(ctx context.Context, id string) (Run, error) {
	if err := h.settle(ctx); err != nil {
		return Run{}, err
	}
	id, err := h.find(ctx, "run", id)
	if err != nil {
		return Run{}, err
	}
	runs, err := collect(ctx, h, scanRun, `SELECT `+runColumns+` FROM runs WHERE id = ?`, id)
	if err != nil || len(runs) == 0 {
		return Run{}, orUnknown(err, "run", id)
	}
	r := runs[0]
	if r.Builds, err = collect(ctx, h, scanBuild, `SELECT `+buildColumns+` FROM builds WHERE run = ? ORDER BY started, rowid`, id); err != nil {
		return r, err
	}
	for i := range r.Builds {
		if err := h.parts(ctx, &r.Builds[i]); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Build returns a build with all its parts. id may be the beginning of the build's id, if it is the only one: else the error is
// an *IDError.
func (h *History) Build(ctx context.Context, id string) (Build, error) {
	if err := h.settle(ctx); err != nil {
		return Build{}, err
	}
	id, err := h.find(ctx, "build", id)
	if err != nil {
		return Build{}, err
	}
	builds, err := collect(ctx, h, scanBuild, `SELECT `+buildColumns+` FROM builds WHERE id = ?`, id)
	if err != nil || len(builds) == 0 {
		return Build{}, orUnknown(err, "build", id)
	}
	b := builds[0]
	err = h.parts(ctx, &b)
	return b, err
}

// parts reads what belongs to a build.
func (h *History) parts(ctx context.Context, b *Build) (err error) {
	b.Steps, err = collect(ctx, h, func(rows *sql.Rows) (Step, error) {
		var s Step
		var finished int64
		err := rows.Scan(&s.Name, &s.State, &s.Seconds, &s.Dir, &finished)
		s.Finished = fromMillis(finished)
		return s, err
	}, `SELECT name, state, seconds, dir, finished FROM steps WHERE build = ? ORDER BY number`, b.ID)
	if err != nil {
		return err
	}
	b.Artifacts, err = collect(ctx, h, func(rows *sql.Rows) (Artifact, error) {
		var a Artifact
		return a, rows.Scan(&a.Format, &a.Path, &a.Size, &a.Digest)
	}, `SELECT format, path, size, digest FROM artifacts WHERE build = ? ORDER BY number`, b.ID)
	if err != nil {
		return err
	}
	for i := range b.Artifacts {
		a := &b.Artifacts[i]
		a.Published, err = collect(ctx, h, func(rows *sql.Rows) (Publication, error) {
			var p Publication
			return p, rows.Scan(&p.Path, &p.Latest)
		}, `SELECT path, latest FROM publications WHERE build = ? AND digest = ? ORDER BY path`, b.ID, a.Digest)
		if err != nil {
			return err
		}
	}
	b.Reports, err = collect(ctx, h, func(rows *sql.Rows) (Report, error) {
		var r Report
		var text string
		err := rows.Scan(&r.Digest, &r.Passed, &text)
		r.JSON = json.RawMessage(text)
		return r, err
	}, `SELECT digest, passed, json FROM reports WHERE build = ? ORDER BY number`, b.ID)
	return err
}

// IDError is an id that no run or build has, or that several have.
type IDError struct {
	Kind string   // "run" or "build"
	ID   string   // as it was asked for
	Many []string // the ids that begin so; empty when there is none
}

func (e *IDError) Error() string {
	if len(e.Many) == 0 {
		return fmt.Sprintf("there is no %s %q; quarry history lists them", e.Kind, e.ID)
	}
	return fmt.Sprintf("several %ss begin with %q: %s", e.Kind, e.ID, strings.Join(e.Many, ", "))
}

func orUnknown(err error, kind, id string) error {
	if err != nil {
		return err
	}
	return &IDError{Kind: kind, ID: id}
}

// find completes an id.
func (h *History) find(ctx context.Context, kind, id string) (string, error) {
	if id == "" || strings.Trim(id, "0123456789abcdef") != "" {
		return "", &IDError{Kind: kind, ID: id}
	}
	found, err := collect(ctx, h, func(rows *sql.Rows) (string, error) {
		var s string
		return s, rows.Scan(&s)
	}, `SELECT id FROM `+kind+`s WHERE id GLOB ? || '*' ORDER BY id LIMIT 10`, id)
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", &IDError{Kind: kind, ID: id}
	case len(found) > 1 && found[0] != id:
		return "", &IDError{Kind: kind, ID: id, Many: found}
	}
	return found[0], nil
}
