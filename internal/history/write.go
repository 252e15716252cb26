package history

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/quarry-project/quarry/internal/digest"
	"github.com/quarry-project/quarry/internal/redact"
)

// newID is a name for a run or a build: short enough to type, and not one that another process chooses at the same time.
func newID() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails: see crypto/rand
	return hex.EncodeToString(b[:])
}

// StartRun begins a run of this process and returns its id. command is the command line's words; passwords of URLs in them are left out.
func (h *History) StartRun(ctx context.Context, command []string, version string) (string, error) {
	me, err := self()
	if err != nil {
		return "", fmt.Errorf("history: starting a run: %w", err)
	}
	words, err := json.Marshal(redacted(command))
	if err != nil {
		return "", fmt.Errorf("history: starting a run: %w", err)
	}
	id := newID()
	return id, h.write(ctx, "starting a run", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO runs (id, command, version, pid, born, boot, pidns, state, started) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, string(words), version, me.pid, me.born, me.boot, me.pidns, Running, millis(h.now()))
		return err
	})
}

// redacted takes the passwords out of a command line.
func redacted(words []string) []string {
	clean := []string{} // a run without a command line is a list, too
	for _, w := range words {
		// --flag=URL; what stands before the sign is no part of the address.
		flag, value, ok := strings.Cut(w, "=")
		if ok && strings.HasPrefix(w, "-") {
			clean = append(clean, flag+"="+redact.URL(value))
			continue
		}
		clean = append(clean, redact.URL(w))
	}
	return clean
}

// StartBuild begins a build in a run and returns its id. It takes from b what is known at the start: Image, Version, Kickstart, Plan, Inputs
// and Logs. The folder of the logs is named before anything is written there.
func (h *History) StartBuild(ctx context.Context, run string, b Build) (string, error) {
	id := newID()
	return id, h.write(ctx, "starting the build of "+b.Name(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO builds (id, run, distro, release, image, variant, arch, version,
				source, branch, revision, path, kickstart, plan, inputs, logs, state, started)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, run, b.Distro, b.Release, b.Image.Image, b.Variant, b.Arch, b.Version,
			redact.URL(b.Kickstart.Source), b.Kickstart.Branch, b.Kickstart.Commit, b.Kickstart.Path, b.Kickstart.Digest,
			b.Plan, b.Inputs, b.Logs, Running, millis(h.now()))
		return err
	})
}

// FinishStep adds a finished step to a build. Its time is set when it is zero.
func (h *History) FinishStep(ctx context.Context, build string, s Step) error {
	if s.Finished.IsZero() {
		s.Finished = h.now()
	}
	return h.write(ctx, "keeping the step "+s.Name, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO steps (build, number, name, state, seconds, dir, finished)
			VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM steps WHERE build = ?1), ?2, ?3, ?4, ?5, ?6)`,
			build, s.Name, s.State, s.Seconds, s.Dir, millis(s.Finished))
		return err
	})
}

// Outcome is what a build came to. What a failed build did not reach is empty.
type Outcome struct {
	State     State // Done, Unchanged, Failed or Interrupted
	Error     string
	Inputs    digest.Digest // see Build.Inputs; empty leaves what StartBuild was given
	Lock      digest.Digest
	Treeinfo  digest.Digest
	Accel     string
	Artifacts []Artifact
	Reports   []Report
	Locked    []Package // the Lock's packages
	Installed []Package // what the image holds at the end
}

// FinishBuild ends a build.
func (h *History) FinishBuild(ctx context.Context, build string, o Outcome) error {
	return h.write(ctx, "keeping the build "+build, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE builds SET state = ?, error = ?, inputs = coalesce(nullif(?, ''), inputs), lock = ?, treeinfo = ?, accel = ?, finished = ? WHERE id = ?`,
			o.State, redact.Text(o.Error), o.Inputs, o.Lock, o.Treeinfo, o.Accel, millis(h.now()), build)
		if err != nil {
			return err
		}
		for i, a := range o.Artifacts {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO artifacts (build, number, format, path, size, digest) VALUES (?, ?, ?, ?, ?, ?)`,
				build, i+1, a.Format, a.Path, a.Size, a.Digest)
			if err != nil {
				return err
			}
		}
		if err := keepPublished(ctx, tx, build, o.Artifacts); err != nil {
			return err
		}
		for i, r := range o.Reports {
			_, err := tx.ExecContext(ctx, `INSERT INTO reports (build, number, digest, passed, json) VALUES (?, ?, ?, ?, ?)`,
				build, i+1, r.Digest, r.Passed, redact.Text(string(r.JSON)))
			if err != nil {
				return err
			}
		}
		if err := keepPackages(ctx, tx, build, Locked, o.Locked); err != nil {
			return err
		}
		return keepPackages(ctx, tx, build, Installed, o.Installed)
	})
}

// Published notes that a build's files were published after it had ended. Of the artifacts only Digest and Published matter. A build
// of another history is passed over.
func (h *History) Published(ctx context.Context, build string, artifacts []Artifact) error {
	return h.write(ctx, "noting what was published", func(tx *sql.Tx) error { return keepPublished(ctx, tx, build, artifacts) })
}

func keepPublished(ctx context.Context, tx *sql.Tx, build string, artifacts []Artifact) error {
	for _, a := range artifacts {
		for _, p := range a.Published {
			_, err := tx.ExecContext(ctx, `
				INSERT OR REPLACE INTO publications (build, digest, path, latest) SELECT id, ?, ?, ? FROM builds WHERE id = ?`,
				a.Digest, p.Path, p.Latest, build)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// FinishRun ends a run. Builds of it that were not ended, end with it.
func (h *History) FinishRun(ctx context.Context, run string, state State, message string) error {
	return h.write(ctx, "ending the run "+run, func(tx *sql.Tx) error {
		now := millis(h.now())
		message := redact.Text(message)
		_, err := tx.ExecContext(ctx, `UPDATE builds SET state = ?, error = ?, finished = ? WHERE run = ? AND state = ?`,
			state, message, now, run, Running)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE runs SET state = ?, error = ?, finished = ? WHERE id = ?`, state, message, now, run)
		return err
	})
}
