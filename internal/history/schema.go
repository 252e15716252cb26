package history

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// migrations are the steps from an empty file to today's tables: file N, in the order of the names, makes version N of version N-1. What has been
// released is never changed; what is new gets a file of its own.
//
//go:embed migrations/*.sql
var migrations embed.FS //nolint:gochecknoglobals // embedding needs a variable

// application is what SQLite's files call application_id: "QRRY".
const application = 0x51525259

// NewerError is a history that a newer Quarry has written.
type NewerError struct {
	Have, Known int // versions of the tables
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("a newer quarry has written it (version %d, this quarry knows %d): use that quarry, or keep another history with --work", e.Have, e.Known)
}

// errForeign is a database of another program.
var errForeign = errors.New("it is another program's database: move it away, or keep the history elsewhere with --work")

// steps lists the names of the migrations, in order.
func steps() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// migrate brings the tables up to date.
func (h *History) migrate(ctx context.Context) error {
	names, err := steps()
	if err != nil {
		return err
	}
	return h.migrateTo(ctx, names)
}

func (h *History) migrateTo(ctx context.Context, names []string) error {
	// A look without a transaction is enough for what is up to date; it may see a half of another process's change otherwise.
	if owner, have, _, err := header(ctx, h.db); err != nil || owner == application && have == len(names) {
		return err
	}
	return h.transact(ctx, func(tx *sql.Tx) error {
		have, err := version(ctx, tx) // another process may have done it while this one waited
		if err != nil {
			return err
		}
		if have > len(names) {
			return &NewerError{Have: have, Known: len(names)}
		}
		for i, name := range names[have:] {
			text, err := migrations.ReadFile(name)
			if err != nil {
				return err
			}
			// A pragma takes no arguments; both are numbers of our own.
			mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", application, have+i+1)
			for _, statement := range []string{string(text), mark} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("bringing it up to date (%s): %w", name, err)
				}
			}
		}
		return nil
	})
}

// version reads the version of the tables: 0 for an empty file.
func version(ctx context.Context, tx *sql.Tx) (int, error) {
	owner, version, tables, err := header(ctx, tx)
	if err == nil && owner != application && (owner != 0 || version != 0 || tables != 0) {
		err = errForeign
	}
	return version, err
}

// header reads whose database it is, the version of its tables, and how many there are.
func header(ctx context.Context, q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (owner, version, tables int, err error) {
	err = errors.Join(
		q.QueryRowContext(ctx, "PRAGMA application_id").Scan(&owner),
		q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version),
		q.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables),
	)
	return owner, version, tables, err
}

// code is SQLite's primary result code of an error, 0 for other errors.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

func isBusy(err error) bool {
	return code(err) == sqlite3.SQLITE_BUSY || code(err) == sqlite3.SQLITE_LOCKED
}

// explain says in words what the usual errors mean.
func explain(err error) error {
	words := map[int]string{
		sqlite3.SQLITE_BUSY:     "another quarry has kept it locked for too long: see what it does, or end it",
		sqlite3.SQLITE_FULL:     "the file system is full: free some space",
		sqlite3.SQLITE_READONLY: "this user may not write it: keep it elsewhere with --work",
		sqlite3.SQLITE_CORRUPT:  "it is damaged: move it away, and a new one is begun",
		sqlite3.SQLITE_NOTADB:   "it is no SQLite database: move it away, and a new one is begun",
	}[code(err)]
	if words == "" {
		return err
	}
	return fmt.Errorf("%s: %w", words, err)
}
