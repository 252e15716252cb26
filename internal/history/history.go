// Package history remembers every run: its builds, their steps, files, packages and boot reports, in one SQLite file that several processes
// read and write at once. It knows what happened and decides nothing: what is built again, removed or published is decided by those
// who ask. It never holds a kickstart's text, and no URL's password.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// FileName is the usual name of the file, in the folder of Quarry's state.
const FileName = "history.db"

// History is an open history. Its methods may be called from several goroutines.
type History struct {
	db  *sql.DB
	now func() time.Time
}

// busy is how long a writer waits for another process's.
const busy = 30 * time.Second

// Open opens the history in the file at path and makes it if it is not there. One that an older Quarry wrote is brought up to date; one
// that a newer Quarry wrote is a *NewerError. Runs whose process is gone are marked as interrupted.
func Open(ctx context.Context, path string) (*History, error) {
	h, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("opening the history %s: %w", path, err)
	}
	return h, nil
}

func open(ctx context.Context, path string) (*History, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// SQLite's own files take over these permissions: addresses and paths are nobody else's business.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := database(path)
	if err != nil {
		return nil, err
	}
	h := &History{db: db, now: time.Now}
	if err := h.connect(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return h, nil
}

// database is the file at path, an absolute one, not yet read.
func database(path string) (*sql.DB, error) {
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)",
	}}
	address := url.URL{Scheme: "file", Path: path, RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return nil, err
	}
	// One connection: writers of one process wait for each other here rather than in SQLite.
	db.SetMaxOpenConns(1)
	return db, nil
}

// connect makes the first connection usable. SQLite does not wait where two processes make a new file a WAL one at once, so this does.
func (h *History) connect(ctx context.Context) error {
	deadline := time.Now().Add(busy)
	for {
		err := h.migrate(ctx)
		if err == nil {
			return h.settle(ctx)
		}
		if !isBusy(err) || time.Now().After(deadline) {
			return explain(err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Close closes the file.
func (h *History) Close() error { return h.db.Close() }

// write runs work in one transaction.
func (h *History) write(ctx context.Context, what string, work func(*sql.Tx) error) error {
	err := h.transact(ctx, work)
	if err != nil {
		return fmt.Errorf("history: %s: %w", what, explain(err))
	}
	return nil
}

func (h *History) transact(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := work(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// collect reads all rows of a query, so that nothing is open when the caller asks the next one.
func collect[T any](ctx context.Context, h *History, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := h.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("history: reading: %w", explain(err))
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("history: reading: %w", err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("history: reading: %w", explain(err))
	}
	return all, nil
}
